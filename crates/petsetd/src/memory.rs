//! How the allocator keeps memory.

/// glibc's `M_ARENA_MAX`.
#[cfg(target_env = "gnu")]
const ARENA_MAX: i32 = -8;

#[cfg(target_env = "gnu")]
#[allow(
    unsafe_code,
    reason = "the standard library cannot tune the allocator; `mallopt` takes two numbers and no memory of ours"
)]
unsafe extern "C" {
    /// `mallopt(3)`.
    safe fn mallopt(parameter: i32, value: i32) -> i32;
}

/// Lets all threads share one heap. With one each, as glibc has it, what one of them gives back is not there for the others: a
/// thousand pods then take a tenth more memory, and no request is answered sooner (`make bench`). To be called before there are threads.
pub(crate) fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    if mallopt(ARENA_MAX, 1) == 0 {
        // Nothing but memory is at stake, and nobody listens to logs yet.
        eprintln!("petsetd: the allocator cannot be told to keep one heap");
    }
}
