//! Which payments: the filter of the page and the API, as options.

use clap::Args;
use payments::{ports::desk::PaymentFilter, time::UnixMs};

use crate::cli::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    moment::Moment,
};

/// Every option that is given must hold.
#[derive(Args, Default)]
pub(super) struct Filter {
    /// State: `open`, `unknown`, `settled`, `paid_not_served`, `no_launch`, `refunded`, or
    /// exactly a state such as `created`.
    #[arg(long, value_parser = known("state"))]
    state: Option<String>,
    /// `x402` or `mpp`.
    #[arg(long, value_parser = known("rail"))]
    rail: Option<String>,
    /// Who paid: `wallet:0x...`, `0x...` or `card:...`.
    #[arg(long, value_parser = known("payer"))]
    payer: Option<String>,
    /// The route's key, for example `POST /launches`.
    #[arg(long)]
    route: Option<String>,
    /// From this time: RFC 3339, a day in UTC, or relative (7d).
    #[arg(long, value_name = "TIME", value_parser = Moment::read)]
    since: Option<Moment>,
    /// Before this time: RFC 3339, a day in UTC, or relative.
    #[arg(long, value_name = "TIME", value_parser = Moment::read)]
    until: Option<Moment>,
    /// Minimum price, in the given currency.
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    min: Option<String>,
    /// Maximum price.
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    max: Option<String>,
    /// The price's currency: `USDC`, `USD` or `CREDIT`.
    #[arg(long, value_parser = known("currency"))]
    currency: Option<String>,
    /// `live` (real money) or `test`.
    #[arg(long, value_parser = known("mode"))]
    mode: Option<String>,
    /// Search by id: payment, transaction, `pi_...`, `ch_...`, launch, or idempotency key.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

// === impl Filter ===

impl Filter {
    /// Only this payer and this time.
    pub(super) fn of_payer(payer: String, since: Option<Moment>, until: Option<Moment>) -> Self {
        Self { payer: Some(payer), since, until, ..Self::default() }
    }

    /// The filter, told now.
    pub(super) fn read(&self, now: UnixMs) -> Result<PaymentFilter, Failure> {
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.seen_at(now).rfc3339());
        let values = [
            self.state.clone(),
            self.rail.clone(),
            self.payer.clone(),
            self.route.clone(),
            moment(self.since),
            moment(self.until),
            self.min.clone(),
            self.max.clone(),
            self.currency.clone(),
            self.mode.clone(),
            self.search.clone(),
        ];
        let pairs = PaymentFilter::NAMES
            .into_iter()
            .zip(values.iter().map(|value| value.as_deref().unwrap_or_default()));
        PaymentFilter::read(pairs).map_err(|wrong| {
            let wrong: Vec<_> = wrong.iter().map(|error| format!("--{error}")).collect();
            Failure::new(Exit::Arguments, wrong.join("; "))
        })
    }
}

/// A value that this parameter can have.
pub(super) fn known(
    name: &'static str,
) -> impl Fn(&str) -> Result<String, InvalidArgument> + Clone {
    move |text| match PaymentFilter::read([(name, text)]) {
        Ok(_) => Ok(text.to_owned()),
        Err(wrong) => {
            Err(InvalidArgument::Filter(wrong.first().map_or("", |error| error.expected)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use payments::ports::desk::{Standing, TextSearch};

    use super::*;

    #[test]
    fn every_option_reaches_its_member() {
        let text = |text: &str| Some(text.to_owned());
        let given = Filter {
            state: text("no_launch"),
            rail: text("x402"),
            payer: text("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            route: text("POST /launches"),
            since: Some(Moment::Ago { ms: 1_000 }),
            until: Some(Moment::At(UnixMs::new(9_000))),
            min: text("0.1"),
            max: text("0.55"),
            currency: text("USDC"),
            mode: text("test"),
            search: text("pi_7"),
        };
        let filter = given.read(UnixMs::new(8_000)).unwrap();
        assert_eq!(filter.standing, Some(Standing::NoLaunch));
        assert_eq!(
            (filter.since, filter.until),
            (Some(UnixMs::new(7_000)), Some(UnixMs::new(9_000)))
        );
        assert_eq!((filter.min_minor, filter.max_minor), (Some(100_000), Some(550_000)));
        assert_eq!(
            (filter.rail, filter.currency, filter.live),
            (Some("x402"), Some("USDC"), Some(false))
        );
        assert_eq!(
            filter.payer.unwrap().to_string(),
            "wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
        assert_eq!(
            (filter.route.as_deref(), filter.text),
            (Some("POST /launches"), Some(TextSearch::Stripe(String::from("pi_7"))))
        );
        assert_eq!(Filter::default().read(UnixMs::new(0)).unwrap(), PaymentFilter::default());
        let wrong = Filter { min: text("much"), currency: text("USDC"), ..Filter::default() }
            .read(UnixMs::new(0))
            .unwrap_err();
        assert!(wrong.text.contains("--min"), "{}", wrong.text);
    }

    #[test]
    fn a_payer_may_be_named_by_its_address() {
        let lower = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        for spelled in [
            lower,
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            &format!("wallet:{lower}"),
            "card:7",
        ] {
            assert!(known("payer")(spelled).is_ok(), "{spelled}");
        }
        for wrong in ["0x12", "nobody", "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"] {
            assert!(known("payer")(wrong).is_err(), "{wrong}");
        }
    }
}
