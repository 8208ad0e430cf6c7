//! The stand-ins.
