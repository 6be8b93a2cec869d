//! What every write passes before it starts: free until a lease is taken, then only while it holds.
//!
//! A process can be frozen between any two instructions. So the fence stands as near to the wire
//! as it can: before each request that changes something in the warehouse's store, repeated ones
//! included, and before each sending of a write to a CRM. What passes has a time limit that the
//! lease outlives, so a request that was frozen on its way is over before anyone else may begin.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

use super::LeaseError;
use super::lease::Holding;

/// A shared gate; its clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<RwLock<Option<Holding>>>);

impl Fence {
    /// Proves that a write which takes at most `longest` may start now.
    ///
    /// # Errors
    /// When the lease was lost, or cannot be made to last that long.
    pub async fn pass(&self, longest: Duration) -> Result<(), LeaseError> {
        let holding = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match holding {
            Some(holding) => holding.outlives(longest).await,
            None => Ok(()),
        }
    }

    /// Lets writes through only while `holding` lasts.
    pub(super) fn close(&self, holding: Holding) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(holding);
    }

    /// Lets everything through again.
    pub(super) fn open(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Connects to a store as usual; requests that change something pass the fence first.
#[derive(Debug)]
pub(super) struct FencedConnector {
    fence: Fence,
    longest: Duration,
}

impl FencedConnector {
    /// `longest` is the time limit of a request.
    pub fn new(fence: Fence, longest: Duration) -> Self {
        Self { fence, longest }
    }
}

impl HttpConnector for FencedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        let (fence, longest) = (self.fence.clone(), self.longest);
        Ok(HttpClient::new(FencedService { client, fence, longest }))
    }
}

#[derive(Debug)]
struct FencedService {
    client: HttpClient,
    fence: Fence,
    longest: Duration,
}

#[async_trait]
impl HttpService for FencedService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !request.method().is_safe() {
            let passed = self.fence.pass(self.longest).await;
            passed.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        }
        self.client.execute(request).await
    }
}
