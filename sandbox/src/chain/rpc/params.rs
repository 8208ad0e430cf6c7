//! The positional parameters of a request.

use alloy_eips::{BlockId, BlockNumberOrTag};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::RpcError;
use crate::chain::Inner;
use crate::chain::block::Block;

pub(super) struct Params<'a>(&'a [Value]);

impl<'a> Params<'a> {
    pub(super) fn new(params: Option<&'a Value>) -> Result<Self, RpcError> {
        match params {
            None | Some(Value::Null) => Ok(Self(&[])),
            Some(Value::Array(values)) => Ok(Self(values)),
            Some(_) => Err(RpcError::invalid_params("non-array args")),
        }
    }

    /// A parameter that must be there.
    pub(super) fn required<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        let missing =
            || RpcError::invalid_params(format!("missing value for required argument {index}"));
        self.optional(index)?.ok_or_else(missing)
    }

    /// A parameter that may be left out, or null.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
    ) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|error| {
                RpcError::invalid_params(format!("invalid argument {index}: {error}"))
            }),
        }
    }

    /// A block; `latest` if left out.
    pub(super) fn block_id(&self, index: usize) -> Result<BlockId, RpcError> {
        Ok(self.optional(index)?.unwrap_or_default())
    }
}

impl Inner {
    /// The number that a tag stands for. Each block is final at once, and `pending` is the state
    /// after the newest.
    pub(super) fn number_of(&self, tag: BlockNumberOrTag) -> u64 {
        match tag {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Earliest => 0,
            _ => self.world.head().number,
        }
    }

    pub(super) fn find_block(&self, id: BlockId) -> Option<&Block> {
        match id {
            BlockId::Hash(hash) => self.world.block_by_hash(hash.block_hash),
            BlockId::Number(tag) => self.world.block(self.number_of(tag)),
        }
    }
}
