// Reads a moment of a picture aloud from the table below it. Without this script the table is there all the same.
"use strict";
for (const figure of document.querySelectorAll("figure.read")) {
  const svg = figure.querySelector("svg");
  const line = svg.querySelector(".cursor");
  const readout = figure.querySelector(".readout");
  const heads = [...figure.querySelectorAll("thead th")].map((head) => head.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")];
  const times = rows.map((row) => Number(row.dataset.at));
  const places = svg.dataset;
  if (!line || rows.length === 0) continue;
  let at = -1;
  const show = (index) => {
    at = Math.max(0, Math.min(rows.length - 1, index));
    const x = Number(places.left) + (times[at] / Number(places.end)) * Number(places.width);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.removeAttribute("hidden");
    const cells = [...rows[at].children].map((cell, column) => `${heads[column]} ${cell.textContent}`);
    readout.textContent = cells.filter((cell) => !cell.endsWith(" 0")).join(" · ");
  };
  readout.hidden = false;
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const time = ((x - Number(places.left)) / Number(places.width)) * Number(places.end);
    const distance = times.map((it) => Math.abs(it - time));
    show(distance.indexOf(Math.min(...distance)));
  });
  svg.parentElement.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(at < 0 ? 0 : at + steps[event.key]);
  });
  svg.parentElement.addEventListener("focus", () => readout.setAttribute("aria-live", "polite"));
}
