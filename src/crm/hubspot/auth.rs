//! A token that was made elsewhere and cannot be renewed from here.

use async_trait::async_trait;

use crate::crm::transport::{Bearer, Transport};
use crate::crm::{CrmError, Sensitive};

pub struct StaticToken {
    token: Sensitive<String>,
}

impl StaticToken {
    pub fn new(token: Sensitive<String>) -> Self {
        Self { token }
    }

    /// Returns the token itself, for the one call that asks what it may do.
    pub fn expose(&self) -> &str {
        self.token.expose()
    }
}

#[async_trait]
impl Bearer for StaticToken {
    async fn token(&self, _transport: &Transport) -> Result<Sensitive<String>, CrmError> {
        Ok(self.token.clone())
    }

    async fn renew(
        &self,
        _transport: &Transport,
        _refused: &Sensitive<String>,
    ) -> Result<Option<Sensitive<String>>, CrmError> {
        Ok(None)
    }
}
