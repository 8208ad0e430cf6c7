//! The platforms, what each accepts, and which official accounts are connected.

use serde::{Deserialize, Serialize};

/// A platform; the order is the canonical one of `GET /dropspace/status`, then the three that are
/// posted to by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Platform {
    Facebook,
    Linkedin,
    Twitter,
    Reddit,
    Instagram,
    Tiktok,
    Youtube,
    Producthunt,
    Hackernews,
    Substack,
}

/// Longest tweet, in characters, of an account without X Premium.
pub const TWEET_MAX_CHARS: usize = 280;
/// Most tweets in a thread.
pub const THREAD_MAX_TWEETS: usize = 6;
/// Most platforms in one launch.
pub const MAX_PLATFORMS: usize = 9;

impl Platform {
    /// Every platform that is known.
    pub const ALL: [Self; 10] = [
        Self::Facebook,
        Self::Linkedin,
        Self::Twitter,
        Self::Reddit,
        Self::Instagram,
        Self::Tiktok,
        Self::Youtube,
        Self::Producthunt,
        Self::Hackernews,
        Self::Substack,
    ];
    /// Those with official accounts that post by themselves, in canonical order.
    pub const AUTO_POST: [Self; 7] = [
        Self::Facebook,
        Self::Linkedin,
        Self::Twitter,
        Self::Reddit,
        Self::Instagram,
        Self::Tiktok,
        Self::Youtube,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Facebook => "facebook",
            Self::Linkedin => "linkedin",
            Self::Twitter => "twitter",
            Self::Reddit => "reddit",
            Self::Instagram => "instagram",
            Self::Tiktok => "tiktok",
            Self::Youtube => "youtube",
            Self::Producthunt => "producthunt",
            Self::Hackernews => "hackernews",
            Self::Substack => "substack",
        }
    }

    /// The platform of that wire name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.id() == id)
    }

    /// Longest content in characters; for twitter a whole thread of six tweets.
    #[must_use]
    pub const fn content_max_chars(self) -> usize {
        match self {
            Self::Twitter => TWEET_MAX_CHARS * THREAD_MAX_TWEETS,
            Self::Linkedin | Self::Reddit | Self::Facebook | Self::Substack => 3_000,
            Self::Instagram => 2_200,
            Self::Tiktok => 4_000,
            Self::Youtube => 5_000,
            Self::Producthunt => 500,
            Self::Hackernews => 2_000,
        }
    }

    /// Longest title in characters, of the platforms that have one.
    #[must_use]
    pub const fn title_max_chars(self) -> Option<usize> {
        match self {
            Self::Reddit => Some(300),
            Self::Youtube => Some(100),
            Self::Producthunt => Some(60),
            Self::Hackernews => Some(80),
            _ => None,
        }
    }

    /// The wire names of all platforms, for error texts.
    #[must_use]
    pub fn names(platforms: &[Self]) -> String {
        let names: Vec<&str> = platforms.iter().map(|platform| platform.id()).collect();
        names.join(", ")
    }
}

/// The platforms whose official account is connected: the valid values of `dropspace_platforms`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connected(Vec<Platform>);

impl Connected {
    /// In the order given.
    pub fn new(platforms: impl IntoIterator<Item = Platform>) -> Self {
        Self(platforms.into_iter().collect())
    }

    /// Whether that official account is connected.
    #[must_use]
    pub fn contains(&self, platform: Platform) -> bool {
        self.0.contains(&platform)
    }

    /// All of them.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Product text, `platform_contents`: limits and titles.
    #[test]
    fn the_limits_are_those_of_the_product_text() {
        for (id, content, title) in [
            ("twitter", 1_680, None),
            ("linkedin", 3_000, None),
            ("instagram", 2_200, None),
            ("reddit", 3_000, Some(300)),
            ("facebook", 3_000, None),
            ("tiktok", 4_000, None),
            ("youtube", 5_000, Some(100)),
            ("producthunt", 500, Some(60)),
            ("hackernews", 2_000, Some(80)),
            ("substack", 3_000, None),
        ] {
            let platform = Platform::from_id(id);
            assert_eq!(platform.map(Platform::content_max_chars), Some(content), "{id}");
            assert_eq!(platform.and_then(Platform::title_max_chars), title, "{id}");
            assert_eq!(serde_json::json!(platform), serde_json::json!(id));
        }
        assert_eq!(Platform::from_id("myspace"), None);
        assert_eq!(Platform::from_id("Twitter"), None);
    }
}
