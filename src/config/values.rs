//! Readers of single values: texts, numbers, words from a list, zones, addresses, secrets.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use reqwest::Url;
use toml::de::DeValue;

use super::reader::{Node, Reader, suggestion};
use super::{Period, Secret};

impl<'a> Reader<'a> {
    /// Reads a text that is not blank.
    pub fn text(&self, node: &Node<'a>) -> Option<String> {
        let Some(text) = node.value.as_str() else {
            self.wrong_type(node, "text");
            return None;
        };
        if text.trim().is_empty() {
            self.refuse(node, format!("must not be blank: `{}`", node.key), None);
            return None;
        }
        Some(text.to_owned())
    }

    pub fn flag(&self, node: &Node<'a>) -> Option<bool> {
        let flag = node.value.as_bool();
        if flag.is_none() {
            self.wrong_type(node, "true or false");
        }
        flag
    }

    /// Reads a whole number from `min` on.
    pub fn whole<T: TryFrom<i64>>(&self, node: &Node<'a>, min: i64) -> Option<T> {
        let Some(integer) = node.value.as_integer() else {
            self.wrong_type(node, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| *number >= min).and_then(|n| T::try_from(n).ok());
        if number.is_none() {
            let message = format!("must be a whole number from {min} on: `{}`", node.key);
            self.refuse(node, message, None);
        }
        number
    }

    /// Reads a share between 0 and 1.
    pub fn share(&self, node: &Node<'a>) -> Option<f64> {
        let number = match node.value {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) => integer.as_str().parse::<f64>().ok(),
            _ => {
                self.wrong_type(node, "a number");
                return None;
            }
        };
        let share = number.filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            let hint = "5 percent is written `0.05`".to_owned();
            self.refuse(node, format!("must be a share from 0 to 1: `{}`", node.key), Some(hint));
        }
        share
    }

    /// Reads a list whose items `read` understands.
    pub fn list<T>(
        &self,
        node: &Node<'a>,
        expected: &str,
        read: impl Fn(&Self, &Node<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(items) = node.value.as_array() else {
            self.wrong_type(node, expected);
            return None;
        };
        let read_item = |item: &'a toml::Spanned<DeValue<'a>>| {
            let item = Node { span: item.span(), value: item.get_ref(), ..node.clone() };
            read(self, &item)
        };
        // Every item is read, so that each one's mistakes are noted.
        let items: Vec<Option<T>> = items.iter().map(read_item).collect();
        items.into_iter().collect()
    }

    pub fn texts(&self, node: &Node<'a>) -> Option<Vec<String>> {
        self.list(node, "a list of texts", Self::text)
    }

    /// Reads one of a few words; `what` names the idea: `owner`, `connection kind`.
    pub fn word<T: Copy>(&self, node: &Node<'a>, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(node, format!("unknown {what}: `{text}`"), suggestion(&text, &known));
        }
        found
    }

    /// Reads a name that may stand in SQL, SOQL and paths: letters, digits and underscores.
    pub fn name(&self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        if !is_name(&text) {
            let hint = "use the API name: letters, digits and underscores, a letter first";
            self.refuse(node, format!("not a name: `{text}`"), Some(hint.to_owned()));
            return None;
        }
        Some(text)
    }

    /// Reads an IANA time zone.
    pub fn zone(&self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        let zone = TimeZone::get(&text).ok();
        if zone.as_ref().and_then(TimeZone::iana_name) == Some(text.as_str()) {
            return Some(text);
        }
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = suggestion(&text, &known)
            .unwrap_or_else(|| "write an IANA name such as `America/New_York`".to_owned());
        self.refuse(node, format!("unknown time zone: `{text}`"), Some(hint));
        None
    }

    /// Reads the base address of a CRM: `https`, or plain `http` on this machine only.
    pub fn base_url(&self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        let (message, hint) = match judge_url(&text) {
            Ok(url) => return Some(url),
            Err(fault) => fault,
        };
        self.refuse(node, message, Some(hint.to_owned()));
        None
    }

    /// Reads where a secret lies, and refuses the secret itself without showing it.
    pub fn secret(&self, node: &Node<'a>) -> Option<Secret> {
        let key = &node.key;
        if node.value.is_str() {
            let message = format!("a secret must not be written into the file: `{key}`");
            let hint = format!(
                "say where it lies: `{key} = {{ env = \"…\" }}`, `{{ file = \"…\" }}` or `{{ command = [\"…\"] }}`; and replace the secret, it may be in your history already"
            );
            self.refuse(node, message, Some(hint));
            return None;
        }
        let name =
            if node.holder.is_empty() { key.clone() } else { format!("{}.{key}", node.holder) };
        let table = self.table(node, name)?;
        let env = table.get("env");
        let file = table.get("file");
        let command = table.get("command");
        let secret = match (env, file, command) {
            (Some(env), None, None) => self.variable_name(&env).map(Secret::Env),
            (None, Some(file), None) => {
                self.text(&file).map(|path| Secret::File(PathBuf::from(path)))
            }
            (None, None, Some(command)) => self.command(&command).map(Secret::Command),
            _ => {
                table.problem("expected exactly one of `env`, `file`, `command`", None);
                None
            }
        };
        table.finish();
        secret
    }

    /// Reads a program and its arguments.
    pub fn command(&self, node: &Node<'a>) -> Option<Vec<String>> {
        let words = self.texts(node)?;
        if words.is_empty() {
            self.refuse(node, format!("names no program: `{}`", node.key), None);
            return None;
        }
        Some(words)
    }

    /// Reads a reporting period.
    pub fn period(&self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        self.check_period(node, &text).then_some(text)
    }

    /// Notes a problem unless `text`, found at `node`, is a period.
    pub fn check_period(&self, node: &Node<'a>, text: &str) -> bool {
        match Period::parse(text) {
            Ok(_) => true,
            Err(error) => {
                self.refuse(node, error.to_string(), Some(error.hint().to_owned()));
                false
            }
        }
    }

    /// Notes a mistake at a value, under the name of the table that holds it.
    pub fn refuse(&self, node: &Node<'_>, message: String, hint: Option<String>) {
        self.problem(&node.span, &node.holder, message, hint);
    }

    fn variable_name(&self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        let is_variable =
            text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !is_variable {
            // What stands here may be the secret itself, so it is not shown.
            let hint =
                "write the variable's name in capitals, such as `HUBSPOT_TOKEN`; never its value";
            self.refuse(
                node,
                "not the name of an environment variable: `env`".to_owned(),
                Some(hint.to_owned()),
            );
            return None;
        }
        Some(text)
    }
}

/// Says whether a text may stand in SQL, SOQL and paths as it is.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn judge_url(text: &str) -> Result<String, (String, &'static str)> {
    const HINT: &str = "write scheme and host only, such as `https://api.hubapi.com`";
    let shown = if text.contains('@') { "…" } else { text };
    let url = Url::parse(text).map_err(|_| (format!("not an address: `{shown}`"), HINT))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("credentials do not belong into an address: `url`".to_owned(), HINT));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err((format!("address has more than scheme and host: `{shown}`"), HINT));
    }
    let is_loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => {
            let message = format!("tokens would travel in the clear: `{shown}`");
            return Err((message, "write `https://`; plain `http://` is for this machine only"));
        }
        _ => return Err((format!("not an https address: `{shown}`"), HINT)),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err((format!("address names no host: `{shown}`"), HINT));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
