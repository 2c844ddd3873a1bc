// Looks at a page from inside, and tells the frame around it what it found.
"use strict";
(async () => {
  for (const it of document.querySelectorAll("details")) it.open = true;
  const found = {
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    width: innerWidth,
    // Of the page itself: what is wide scrolls in its own frame.
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    pictures: document.querySelectorAll("svg.chart").length,
    landmarks: [],
    astray: [],
    empty: [],
    cut: [],
    violations: [],
    unread: [],
    parted: [],
  };
  // One section below the other, each with its head in it.
  let above = 0;
  for (const section of document.querySelectorAll("main section")) {
    const title = section.querySelector("h2");
    const [head, box] = [title.getBoundingClientRect(), section.getBoundingClientRect()];
    found.landmarks.push(title.textContent);
    const inside = head.height >= 10 && head.top >= box.top && head.bottom <= box.bottom;
    if (!inside || box.top < above || box.left < 0 || box.right > innerWidth) found.astray.push(title.textContent);
    above = box.bottom;
  }
  for (const svg of document.querySelectorAll("svg.chart")) {
    const drawn = [...svg.querySelectorAll("path")].some((path) => path.getBBox().width > 1);
    if (!drawn) found.empty.push(svg.querySelector("title").textContent);
    const { width, height } = svg.viewBox.baseVal;
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBBox();
      if (box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height + 1) {
        found.cut.push(`${svg.querySelector("title").textContent}: ${text.textContent}`);
      }
    }
  }
  for (const figure of document.querySelectorAll("figure.read")) {
    const frame = figure.querySelector(".scroll");
    frame.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    frame.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
    const readout = figure.querySelector(".readout").textContent;
    if (!/requests [1-9]/.test(readout)) found.unread.push(readout);
  }
  const { violations } = await axe.run(document);
  found.violations = violations.map(({ id, nodes }) => `${id}: ${nodes.length} x ${nodes[0].html.slice(0, 160)}`);
  // On paper, of whatever height: columns are cut by the same rules as pages. Heads stand on the page of what follows.
  const [main, paper] = [document.querySelector("main"), document.createElement("style")];
  const printed = [...document.styleSheets[0].cssRules].filter((rule) => rule.media?.mediaText === "print");
  const rules = printed.flatMap((rule) => [...rule.cssRules]).map((rule) => rule.cssText);
  paper.textContent = `${rules.join("")} main { margin: 0; width: 717px; columns: 717px; column-gap: 0; column-fill: auto }`;
  document.head.append(paper);
  const page = (it) => Math.floor((it.getClientRects()[0].left - main.getBoundingClientRect().left) / 717);
  const parted = new Set();
  for (let height = 800; height <= 1300; height += 20) {
    main.style.height = `${height}px`;
    for (const section of document.querySelectorAll("main section")) {
      const body = section.querySelector("svg.chart, tbody, dd, ul:not(.legend)");
      const heads = [...section.querySelectorAll("h2, p, .legend")];
      const above = heads.filter((it) => it.compareDocumentPosition(body) & Node.DOCUMENT_POSITION_FOLLOWING);
      const alone = [...section.querySelectorAll("h3")].filter((it) => page(it) !== page(it.nextElementSibling));
      alone.push(...above.filter((it) => page(it) !== page(body)));
      alone.forEach((it) => parted.add(`${section.querySelector("h2").textContent}: ${it.textContent}`));
    }
  }
  found.parted.push(...parted);
  parent.postMessage(encodeURIComponent(JSON.stringify(found)), "*");
})();
