//! The hash that says whether two runs had the same schedule.
//!
//! Over everything that decides what is sent when: the kinds of requests, the lists, and for each request its intended
//! start and its choices. Not over the name of the run or the addresses, which differ between runs to be compared.

use sha2::{Digest, Sha256};

use crate::{Choices, Plan, RequestSpec};

/// Changes whenever the layout of what is hashed does.
const VERSION: &[u8] = b"loadgen schedule 1";

pub(crate) fn schedule_hash(plan: &Plan) -> String {
    let mut hash = Hash(Sha256::new());
    hash.text(VERSION);
    plan.spec().requests.iter().for_each(|request| hash.request(request));
    hash.choices(&plan.spec().choices);
    for (k, offset_ns) in plan.schedule().offsets_ns().enumerate() {
        let choice = plan.choice(k as u64);
        hash.number(offset_ns);
        hash.number(u64::from(choice.kind));
        hash.number(choice.account as u64);
        hash.number(choice.product as u64);
        hash.number(choice.side as u64);
        hash.number(choice.units);
    }
    hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hash(Sha256);

impl Hash {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    /// With its length, so that no two lists of texts run together.
    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.number(text.as_ref().len() as u64);
        self.0.update(text);
    }

    fn request(&mut self, request: &RequestSpec) {
        self.text(&request.label);
        self.text(request.method.as_str());
        self.text(&request.target);
        self.text(&request.path);
        self.number(request.headers.len() as u64);
        for (name, value) in &request.headers {
            self.text(name);
            self.text(value);
        }
        self.text(request.body.as_deref().unwrap_or_default());
    }

    fn choices(&mut self, choices: &Choices) {
        self.number(choices.accounts.len() as u64);
        choices.accounts.iter().for_each(|name| self.text(name));
        self.number(choices.products.len() as u64);
        for product in &choices.products {
            self.text(&product.name);
            self.number(u64::from(product.quantity.decimals));
        }
        choices.sides.iter().for_each(|name| self.text(name));
    }
}
