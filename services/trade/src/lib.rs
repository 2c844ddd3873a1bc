mod flow;
#[cfg(test)]
mod samples;
