//! From the text of a gate to a [`Gate`], or to the column where it went wrong.

use std::str::FromStr;

use recorder::{Outcome, Phase};

use super::lexer::{Lexer, Token};
use super::{Condition, Fact, Gate, GateError, Moment, Op, Point, Selector};
use crate::{did_you_mean, units};

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let mut lexer = Lexer::new(text);
        let subject = lexer.word();
        condition(&mut lexer, subject).map(Gate)
    }
}

fn condition(lexer: &mut Lexer<'_>, subject: Token<'_>) -> Result<Condition, GateError> {
    if let Some(point) = named(&Point::NAMES, subject.text) {
        let (of, op) = (selector(lexer)?, comparison(lexer)?);
        let limit = duration(lexer)?;
        return Ok(Condition::Latency { point, of, op, limit });
    }
    if let Some(moment) = named(&Moment::NAMES, subject.text) {
        return time(lexer, moment);
    }
    if let Some(fact) = named(&Fact::NAMES, subject.text) {
        return Ok(Condition::Audit { fact, op: operator(lexer)?, limit: whole(lexer)? });
    }
    match subject.text {
        "count" => Ok(Condition::Count { of: selector(lexer)?, op: operator(lexer)?, limit: whole(lexer)? }),
        "rate" => {
            Ok(Condition::Rate { of: selector(lexer)?, op: operator(lexer)?, limit_percent: percent(lexer)? })
        }
        "ledger" => ledger(lexer),
        _ => Err(unknown(lexer, subject, "measure", &measures())),
    }
}

/// Every word that a gate can begin with.
fn measures() -> Vec<&'static str> {
    let points = Point::NAMES.iter().map(|(name, _)| *name);
    let moments = Moment::NAMES.iter().map(|(name, _)| *name);
    let facts = Fact::NAMES.iter().map(|(name, _)| *name);
    points.chain(["count", "rate"]).chain(moments).chain(["ledger"]).chain(facts).collect()
}

fn time(lexer: &mut Lexer<'_>, moment: Moment) -> Result<Condition, GateError> {
    let sign = lexer.operator();
    if sign.text != "=" {
        let op = op_of(lexer, sign)?;
        return Ok(Condition::Time { moment, op, limit: duration(lexer)? });
    }
    let value = lexer.rest();
    match value.text {
        "never" => Ok(Condition::Never(moment)),
        _ => {
            Err(lexer.error_at(value.offset, "a time can only be `= never`; compare it with <, <=, > or >="))
        }
    }
}

fn ledger(lexer: &mut Lexer<'_>) -> Result<Condition, GateError> {
    let sign = lexer.operator();
    let value = lexer.rest();
    match (sign.text, value.text) {
        ("=", "balanced") => Ok(Condition::LedgerBalanced),
        ("=", _) => Err(lexer.error_at(value.offset, "the ledger can only be `= balanced`")),
        _ => Err(lexer.error_at(sign.offset, "the ledger can only be `= balanced`")),
    }
}

fn selector(lexer: &mut Lexer<'_>) -> Result<Selector, GateError> {
    let mut selector = Selector::default();
    if !lexer.eat('{') || lexer.eat('}') {
        return Ok(selector);
    }
    loop {
        part(lexer, &mut selector)?;
        if lexer.eat('}') {
            return Ok(selector);
        }
        if !lexer.eat(',') {
            return Err(lexer.error_here("expected `,` or `}`"));
        }
    }
}

/// `outcome=NAME`, `phase=NAME`, `label=NAME`, or the bare name of an outcome or a phase.
fn part(lexer: &mut Lexer<'_>, selector: &mut Selector) -> Result<(), GateError> {
    let key = lexer.word();
    if !lexer.eat('=') {
        return bare(lexer, key, selector);
    }
    let value = lexer.word();
    let doubled = match key.text {
        "outcome" => selector.outcome.replace(outcome(lexer, value)?).is_some(),
        "phase" => selector.phase.replace(phase(lexer, value)?).is_some(),
        "label" if value.text.is_empty() => return Err(lexer.error_at(value.offset, "expected a label")),
        "label" => selector.label.replace(value.text.to_owned()).is_some(),
        _ => return Err(unknown(lexer, key, "selector", &["outcome", "phase", "label"])),
    };
    if doubled { Err(twice(lexer, key)) } else { Ok(()) }
}

fn bare(lexer: &Lexer<'_>, name: Token<'_>, selector: &mut Selector) -> Result<(), GateError> {
    let doubled = match (name.text.parse::<Outcome>(), name.text.parse::<Phase>()) {
        (Ok(outcome), _) => selector.outcome.replace(outcome).is_some(),
        (_, Ok(phase)) => selector.phase.replace(phase).is_some(),
        _ => {
            let all: Vec<_> =
                Outcome::ALL.map(Outcome::name).into_iter().chain(Phase::ALL.map(Phase::name)).collect();
            return Err(unknown(lexer, name, "outcome or phase", &all));
        }
    };
    if doubled { Err(twice(lexer, name)) } else { Ok(()) }
}

fn twice(lexer: &Lexer<'_>, at: Token<'_>) -> GateError {
    lexer.error_at(at.offset, "is selected twice; every intended request has one outcome, phase and label")
}

fn outcome(lexer: &Lexer<'_>, name: Token<'_>) -> Result<Outcome, GateError> {
    name.text.parse().map_err(|_| unknown(lexer, name, "outcome", &Outcome::ALL.map(Outcome::name)))
}

fn phase(lexer: &Lexer<'_>, name: Token<'_>) -> Result<Phase, GateError> {
    name.text.parse().map_err(|_| unknown(lexer, name, "phase", &Phase::ALL.map(Phase::name)))
}

fn unknown(lexer: &Lexer<'_>, given: Token<'_>, what: &str, allowed: &[&str]) -> GateError {
    let list = allowed.join(", ");
    let message = match given.text {
        "" => format!("a name is missing here (allowed: {list})"),
        text => {
            let hint = did_you_mean(text, allowed.iter().copied());
            format!("unknown {what} `{text}`{hint} (allowed: {list})")
        }
    };
    lexer.error_at(given.offset, message)
}

/// Any operator.
fn operator(lexer: &mut Lexer<'_>) -> Result<Op, GateError> {
    let sign = lexer.operator();
    op_of(lexer, sign)
}

/// Any operator but `=`: no two latencies are equal.
fn comparison(lexer: &mut Lexer<'_>) -> Result<Op, GateError> {
    let sign = lexer.operator();
    match op_of(lexer, sign)? {
        Op::Equal => Err(lexer.error_at(sign.offset, "a latency is compared with <, <=, > or >=")),
        op => Ok(op),
    }
}

fn op_of(lexer: &Lexer<'_>, sign: Token<'_>) -> Result<Op, GateError> {
    let found = named(&Op::NAMES, sign.text);
    found.ok_or_else(|| lexer.error_at(sign.offset, "expected <, <=, >, >= or ="))
}

fn duration(lexer: &mut Lexer<'_>) -> Result<std::time::Duration, GateError> {
    let value = lexer.rest();
    let found = units::parse_duration(value.text);
    found.ok_or_else(|| {
        lexer.error_at(
            value.offset,
            "expected a time with its unit (us, ms, s, min), e.g. 50ms; at most a day",
        )
    })
}

fn whole(lexer: &mut Lexer<'_>) -> Result<u64, GateError> {
    let value = lexer.rest();
    value.text.parse().map_err(|_| lexer.error_at(value.offset, "expected a whole number without a unit"))
}

fn percent(lexer: &mut Lexer<'_>) -> Result<f64, GateError> {
    let value = lexer.rest();
    let number = value.text.strip_suffix('%').and_then(|digits| digits.trim_end().parse::<f64>().ok());
    let found = number.filter(|percent| (0.0..=100.0).contains(percent));
    found.ok_or_else(|| lexer.error_at(value.offset, "expected a share from 0% to 100%, e.g. 0.1%"))
}

fn named<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}
