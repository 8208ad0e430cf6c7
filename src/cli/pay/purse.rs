//! Which key pays, and with which token.

use payments::{agent::Wallet, x402::offer::Token};
use sandbox::wallet::{DevWallet, Signer};

use super::PayArguments;
use crate::{
    cli::exit::{Exit, Failure},
    config::{Config, chain},
};

/// The key of the file, or a development wallet's. A development key never signs for a chain whose
/// money is worth something: whoever sees the authorization could spend the rest of that wallet
/// too.
pub(super) fn signer(arguments: &PayArguments) -> Result<Signer, Failure> {
    let wrong = |text: String| Failure::new(Exit::Arguments, text);
    match &arguments.key_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
            let mut key = [0; 32];
            let digits = text.trim().trim_start_matches("0x");
            let read = hex::decode_to_slice(digits, &mut key)
                .ok()
                .and_then(|()| Signer::from_key(key).ok());
            read.ok_or_else(|| {
                wrong(format!("{} does not hold a private key: 32 bytes in hex", path.display()))
            })
        }
        None => {
            let wallet = DevWallet::from_index(arguments.wallet)
                .ok_or_else(|| wrong(String::from("there are ten development wallets")))?;
            Ok(wallet.signer().clone())
        }
    }
}

/// The only token that is signed for.
pub(super) fn token(config: &Config, arguments: &PayArguments) -> Result<Token, Failure> {
    let wrong = |text: String| Failure::new(Exit::Arguments, text);
    let x402 = &config.x402;
    let chain_id = arguments.chain.unwrap_or(x402.chain_id);
    let of_config = x402
        .asset
        .0
        .filter(|_| chain_id == x402.chain_id)
        .map(|asset| (asset, x402.domain_name.as_str()));
    let (asset, domain_name) = of_config.or_else(|| chain::known_usdc(chain_id)).ok_or_else(|| {
        wrong(format!("the USDC of chain {chain_id} is not known; name it with --set x402.chain_id, x402.asset and x402.domain_name"))
    })?;
    if arguments.key_file.is_none() && !chain::is_test(chain_id) {
        return Err(wrong(format!(
            "chain {chain_id} carries real money: a development wallet does not pay there, give --key-file"
        )));
    }
    let version = if of_config.is_some() { x402.domain_version.as_str() } else { "2" };
    Ok(Token::new(Wallet::new(asset.into_array()), domain_name, version, chain_id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        pay: PayArguments,
    }

    fn line(arguments: &[&str]) -> PayArguments {
        let all = ["pay", "http://shop/x"].iter().chain(arguments);
        Line::try_parse_from(all).unwrap().pay
    }

    fn config() -> Config {
        Config::load(None, std::iter::empty(), &[]).unwrap()
    }

    #[test]
    fn it_pays_with_the_test_usdc_of_the_sandbox_unless_told_otherwise() {
        let token = token(&config(), &line(&[])).unwrap();
        assert_eq!((token.chain_id(), token.domain_name()), (84_532, "USDC"));
    }

    #[test]
    fn a_development_wallet_pays_nowhere_with_real_money() {
        let refused = token(&config(), &line(&["--chain", "8453"])).unwrap_err();
        assert_eq!(refused.exit, Exit::Arguments);
        let allowed = token(&config(), &line(&["--chain", "8453", "--key-file", "k"])).unwrap();
        assert_eq!((allowed.chain_id(), allowed.domain_name()), (8453, "USD Coin"));
        assert!(token(&config(), &line(&["--chain", "424242", "--key-file", "k"])).is_err());
    }

    #[test]
    fn a_key_file_is_hex_and_its_content_is_in_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let name = path.display().to_string();
        std::fs::write(&path, format!("0x{}\n", "11".repeat(32))).unwrap();
        assert!(signer(&line(&["--key-file", &name])).is_ok());
        for wrong in ["", "s3cr3t", &"00".repeat(32), &"ff".repeat(32)] {
            std::fs::write(&path, wrong).unwrap();
            let refused = signer(&line(&["--key-file", &name])).map(drop).unwrap_err();
            assert!(
                refused.exit == Exit::Arguments
                    && (wrong.is_empty() || !refused.text.contains(wrong)),
                "{}",
                refused.text
            );
        }
    }

    #[test]
    fn the_command_line_is_read_as_documented() {
        let usual = line(&[]);
        assert_eq!(
            (usual.wallet, usual.max_usdc.get(), usual.v1, usual.dry_run),
            (0, 1_000_000, false, false)
        );
        let parse =
            |arguments: &[&str]| Line::try_parse_from(["pay"].iter().chain(arguments)).is_ok();
        assert!(!parse(&[]));
        for wrong in [
            ["--wallet", "10"],
            ["--max-usdc", "1.0000001"],
            ["--max-usdc", "-1"],
            ["--method", "G ET"],
        ] {
            assert!(!parse(&["http://shop/x", wrong[0], wrong[1]]), "{wrong:?}");
        }
        assert!(!parse(&["http://shop/x", "--wallet", "1", "--key-file", "k"]));
    }
}
