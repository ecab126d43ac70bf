//! Fires a scenario's plan at the moments it names, closer than the millisecond of tokio's own timer.

use std::rc::Rc;
use std::time::Duration;

use crate::connection::Shared;
use crate::fleet::{Fleet, Scenario};

/// A scenario with a plan: what is to be sent, and when, whatever became of what was sent before.
pub(crate) trait Planned: Scenario {
    /// When the next act is due; `None` when the plan is over.
    fn due(&self) -> Option<Duration>;

    /// Does it.
    fn fire(&mut self, fleet: &mut Fleet);
}

/// Follows the plan to its end.
pub(crate) async fn follow_plan<S: Planned>(shared: &Rc<Shared<S>>) -> anyhow::Result<()> {
    let timer = Timer::new()?;
    loop {
        let wait = shared.act(|fleet, scenario| {
            loop {
                let due = scenario.due()?;
                let now = fleet.now();
                if due > now {
                    return Some(due - now);
                }
                scenario.fire(fleet);
            }
        });
        match wait {
            Some(wait) => timer.sleep(wait).await?,
            None => return Ok(()),
        }
    }
}

/// A timer of the kernel (timerfd): tokio's has a grain of one millisecond, which would count as latency.
#[cfg(target_os = "linux")]
struct Timer(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Timer {
    #[expect(deprecated, reason = "the new name is unsafe; an owned descriptor keeps what it asks for")]
    fn new() -> anyhow::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self(tokio::io::unix::AsyncFd::new(timer)?))
    }

    async fn sleep(&self, wait: Duration) -> anyhow::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let wait = wait.max(Duration::from_nanos(1)); // Zero would disarm it.
        let it_value = Timespec { tv_sec: wait.as_secs().try_into()?, tv_nsec: wait.subsec_nanos().into() };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
        // Arming it anew takes back the expiry before, so readiness needs no read, only to be forgotten.
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    fn new() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn sleep(&self, wait: Duration) -> anyhow::Result<()> {
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_timer_wakes_again_and_again_and_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timer = Timer::new().unwrap();
            for micros in [200, 1, 700, 0, 300] {
                let before = std::time::Instant::now();
                timer.sleep(Duration::from_micros(micros)).await.unwrap();
                assert!(before.elapsed() >= Duration::from_micros(micros));
            }
        });
    }
}
