//! An engine that hangs or restarts under the runtime. It is a private one: the others' must not be disturbed.

use std::{fs, path::Path};

use controller::runtime::{Hint, Runtime};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use petset_integration::Engine;
use plan::{action::Failure, facts::State};

use crate::setting::{in_world_on, next};

#[test]
fn silence_is_told_from_absence_and_its_end_is_told() {
    let private = Engine::start().unwrap();
    in_world_on(private.address(), "silent", |world| async move {
        let sandbox = world.up().await;
        let mut hints = world.docker.hints();
        assert_eq!(next(&mut hints).await, Hint::Everything);

        let socket = world.engine.address();
        let pid_file = Path::new(socket.trim_start_matches("unix://")).with_file_name("dockerd.pid");
        let pid = Pid::from_raw(fs::read_to_string(pid_file).unwrap().trim().parse().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        let observed = world.docker.observe().await;
        assert!(matches!(observed, Err(Failure::Silent(_))), "{observed:?}");
        assert!(!world.engine.is_alive().await);
        // Unasked, although a stopped engine closes nothing. What happened just before may be told first.
        while next(&mut hints).await != Hint::Everything {}
        kill(pid, Signal::SIGCONT).unwrap();
        let observed = world.docker.observe().await.unwrap();
        assert_eq!(observed.engine.containers.into_values().flatten().collect::<Vec<_>>(), vec![sandbox]);
    });
}

#[test]
fn a_restart_is_told_and_what_it_ended_is_seen() {
    let private = &Engine::start().unwrap();
    in_world_on(private.address(), "restart", |world| async move {
        world.up().await;
        let mut hints = world.docker.hints();
        assert_eq!(next(&mut hints).await, Hint::Everything);
        private.restart().unwrap();
        loop {
            next(&mut hints).await;
            // While the engine is away it is silent, and nothing is known.
            let Ok(observed) = world.docker.observe().await else { continue };
            let containers: Vec<_> = observed.engine.containers.into_values().flatten().collect();
            if let [container] = &containers[..]
                && matches!(container.state, State::Exited { code: 0, .. })
            {
                break;
            }
        }
        // The same runtime goes on.
        assert!(matches!(world.up().await.state, State::Running { .. }));
    });
}
