//! `xtask protocol`: the subjects asked of one cluster, cell by cell, as lines to compare.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use lab::apache::{Apache, ApacheSpec, Kafka};
use lab::embedded::{Embedded, EmbeddedSpec};
use lab::{Backend, Broker, Lab};

use super::{ALL, Subject};
use crate::conformance::cell::{Amount, Seen};

/// What is asked for.
#[derive(Debug, Clone, Args)]
pub struct Protocol {
    /// On which cluster.
    #[arg(long, default_value_t = Backend::Embedded)]
    cluster: Backend,
    /// On a cluster that runs already: where its brokers 1, 2 and 3 listen.
    #[arg(long, value_delimiter = ',', conflicts_with = "cluster")]
    brokers: Vec<String>,
    /// These subjects only, e.g. `polling,groups`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

impl Protocol {
    /// Asks and prints.
    ///
    /// # Errors
    /// When there is no such subject, or no cluster.
    pub async fn run(&self) -> anyhow::Result<ExitCode> {
        let subjects = self.subjects()?;
        let lab = self.lab().await?;
        let brokers = lab.as_ref().map_or_else(|| self.running(), |lab| lab.brokers());
        let mut failed = false;
        for subject in subjects {
            match subject.ask(&brokers).await {
                Ok(seen) => seen.iter().for_each(print),
                Err(error) => {
                    failed = true;
                    eprintln!("{} was not asked: {error:#}", subject.name);
                }
            }
        }
        if let Some(lab) = lab {
            lab.shutdown().await;
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn subjects(&self) -> anyhow::Result<Vec<Subject>> {
        if let Some(unknown) = self.only.iter().find(|name| !ALL.iter().any(|known| known.name == **name)) {
            let known = ALL.map(|known| known.name).join(", ");
            bail!("--only {unknown} is not a subject (allowed: {known})");
        }
        let wanted =
            |subject: &Subject| self.only.is_empty() || self.only.iter().any(|name| name == subject.name);
        Ok(ALL.into_iter().filter(wanted).collect())
    }

    /// A fresh cluster, unless one runs already.
    async fn lab(&self) -> anyhow::Result<Option<Box<dyn Lab>>> {
        if !self.brokers.is_empty() {
            return Ok(None);
        }
        Ok(Some(match self.cluster {
            Backend::Embedded => Box::new(Embedded::start(EmbeddedSpec::default())?),
            Backend::Apache => {
                let kafka = Kafka::find().context("Apache Kafka was not found")?;
                Box::new(Apache::start(ApacheSpec::default(), &kafka).await?)
            }
        }))
    }

    fn running(&self) -> Vec<Broker> {
        let broker =
            |(id, address): (i32, &String)| Broker { id, zone: String::new(), address: address.clone() };
        (1..).zip(&self.brokers).map(broker).collect()
    }
}

fn print(seen: &Seen) {
    let took = match seen.amount {
        Some(Amount::Took(took)) => format!(" | {} ms", took.as_millis()),
        _ => String::new(),
    };
    println!("{} | {} | {}{took}", seen.story, seen.cell, seen.class);
}
