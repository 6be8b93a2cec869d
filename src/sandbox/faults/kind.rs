//! What a call can meet, and which calls can meet it.
//!
//! Only what a vendor is known to answer there: a status that its references do not name, or a lost
//! answer to a call that changes nothing, would teach a client about a vendor that does not exist.

use serde::{Deserialize, Serialize};

use super::Vendor;
use super::call::{Call, Nature};

/// One way for a call to go wrong. HubSpot's unless another vendor is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// 429 `TEN_SECONDLY_ROLLING`: too many calls of this app in ten seconds.
    TenSecondly,
    /// 429 `SECONDLY`: too many searches in one second.
    Secondly,
    /// Other apps use up what is left of the allowance just before this call; both vendors. The
    /// server itself then refuses this call and all others until its allowance renews.
    DailyLimit,
    /// Salesforce: 403 `REQUEST_LIMIT_EXCEEDED` for too many long calls at once.
    TooManyLongCalls,
    /// 423: another process holds a lock on the records.
    Locked,
    /// 477: the portal is being moved to another data center.
    Migration { retry_after_seconds: u32 },
    /// Salesforce: 420, a page of the edge that knows no way to the org.
    NoRoute,
    /// Salesforce: 406, seen now and then on a describe that succeeds a moment later.
    NotAcceptable,
    /// 500 before anything was done; both vendors.
    InternalError,
    /// 502 of the gateway, a page; nothing was done, which it does not say. Both vendors.
    BadGateway,
    /// 503 in the vendor's own form; both vendors.
    Unavailable,
    /// 504 of the gateway, a page; nothing was done, which it does not say.
    GatewayTimeout,
    /// 502 of the gateway once the call has had its effect; both vendors.
    BadGatewayAfter,
    /// 504 of the gateway once the call has had its effect.
    GatewayTimeoutAfter,
    /// 524: the call has its effect, and no answer came within the edge's 100 seconds.
    NoAnswerAfter,
    /// The connection ends before the call is handled; both vendors.
    CutBefore,
    /// The call has its effect, and the connection ends before the answer; both vendors.
    CutAfter,
    /// The connection ends in the middle of the answer; both vendors.
    CutWithin,
    /// The answer comes late; both vendors.
    Slow { ms: u32 },
    /// The token that the call shows has just expired. Salesforce forgets all its sessions; HubSpot
    /// refuses this call, where it shows a token that can expire.
    ExpiredToken,
    /// The vendor's clock moves before the call is handled, backwards below zero; both vendors.
    ClockJump { seconds: i32 },
}

/// How often a kind comes, against the others that the same call can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    pub kind: Kind,
    pub weight: u32,
}

/// The mix of a schedule that names none: what clients meet most comes most.
pub const USUAL: [Weighted; 23] = [
    of(Kind::TenSecondly, 8),
    of(Kind::Secondly, 8),
    of(Kind::DailyLimit, 1),
    of(Kind::TooManyLongCalls, 3),
    of(Kind::Locked, 4),
    of(Kind::Migration { retry_after_seconds: 1 }, 1),
    of(Kind::NoRoute, 2),
    of(Kind::NotAcceptable, 4),
    of(Kind::InternalError, 4),
    of(Kind::BadGateway, 4),
    of(Kind::Unavailable, 4),
    of(Kind::GatewayTimeout, 2),
    of(Kind::BadGatewayAfter, 4),
    of(Kind::GatewayTimeoutAfter, 2),
    of(Kind::NoAnswerAfter, 4),
    of(Kind::CutBefore, 4),
    of(Kind::CutAfter, 4),
    of(Kind::CutWithin, 4),
    of(Kind::Slow { ms: 20 }, 4),
    of(Kind::Slow { ms: 200 }, 1),
    of(Kind::ExpiredToken, 3),
    of(Kind::ClockJump { seconds: 3 }, 2),
    of(Kind::ClockJump { seconds: 3 * 3600 }, 1),
];

const fn of(kind: Kind, weight: u32) -> Weighted {
    Weighted { kind, weight }
}

impl Kind {
    /// Says whether the vendor is known to do this to such a call.
    pub fn may_hit(self, call: &Call) -> bool {
        let is_counted = !matches!(call.nature, Nature::Login | Nature::Download);
        let is_write = call.nature == Nature::Write;
        let (is_hubspot, is_salesforce) =
            (call.server == Vendor::HubSpot, call.server == Vendor::Salesforce);
        match self {
            Self::TenSecondly => is_hubspot && is_counted && !call.is_search,
            Self::Secondly => is_hubspot && call.is_search,
            Self::DailyLimit => is_counted,
            Self::Migration { .. } => is_hubspot && is_counted,
            Self::TooManyLongCalls => is_salesforce && is_counted,
            Self::NotAcceptable => is_salesforce && call.family == "sobjects.describe",
            Self::NoRoute => is_salesforce,
            Self::GatewayTimeout => is_hubspot,
            Self::Locked | Self::GatewayTimeoutAfter | Self::NoAnswerAfter => {
                is_hubspot && is_write
            }
            Self::BadGatewayAfter | Self::CutAfter => is_write,
            Self::ExpiredToken => is_counted && (is_salesforce || call.may_expire),
            Self::InternalError
            | Self::BadGateway
            | Self::Unavailable
            | Self::CutBefore
            | Self::CutWithin
            | Self::Slow { .. }
            | Self::ClockJump { .. } => true,
        }
    }
}
