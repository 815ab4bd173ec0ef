//! The `--hypervisor` flag: what may be asked for and what this build has.

use std::str::FromStr;

/// Exit code for an engine that this build does not have (`EX_USAGE` of sysexits.h).
pub const EXIT_CODE_NOT_IN_THIS_BUILD: u8 = 64;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The best that works here.
    #[default]
    Auto,
    /// QEMU with hardware virtualization.
    Kvm,
    /// QEMU without it.
    Tcg,
    /// Nothing runs; machines go through their phases.
    Simulated,
}

/// The engine asked for is not in this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--hypervisor {0}: this build simulates virtual machines only; use --hypervisor simulated")]
pub struct NotInThisBuild(pub Choice);

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Choice::Auto => "auto",
            Choice::Kvm => "kvm",
            Choice::Tcg => "tcg",
            Choice::Simulated => "simulated",
        })
    }
}

impl FromStr for Choice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Choice::Auto),
            "kvm" => Ok(Choice::Kvm),
            "tcg" => Ok(Choice::Tcg),
            "simulated" => Ok(Choice::Simulated),
            other => Err(format!("{other:?} is none of auto, kvm, tcg, simulated")),
        }
    }
}

impl Choice {
    /// What to run and, when that differs from what was asked, a notice for the user.
    pub fn resolve(self) -> Result<(Choice, Option<&'static str>), NotInThisBuild> {
        match self {
            Choice::Simulated => Ok((Choice::Simulated, None)),
            Choice::Auto => Ok((
                Choice::Simulated,
                Some("this build has no QEMU engine: virtual machines are simulated, no guest runs"),
            )),
            Choice::Kvm | Choice::Tcg => Err(NotInThisBuild(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_simulated_engine_is_there() {
        assert_eq!("simulated".parse::<Choice>().unwrap().resolve(), Ok((Choice::Simulated, None)));
        let (engine, notice) = "auto".parse::<Choice>().unwrap().resolve().unwrap();
        assert_eq!(engine, Choice::Simulated);
        assert!(notice.unwrap().contains("simulated"));
        for text in ["kvm", "tcg"] {
            let refused = text.parse::<Choice>().unwrap().resolve().unwrap_err();
            assert!(refused.to_string().contains(text), "{refused}");
        }
        assert!("xen".parse::<Choice>().is_err());
    }
}
