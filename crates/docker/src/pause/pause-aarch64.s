// The program of a pod's sandbox, for aarch64: ELF header, one loadable segment, code.
//
//   aarch64-linux-gnu-as -o pause.o pause-aarch64.s && aarch64-linux-gnu-objcopy -O binary -j .text pause.o pause-aarch64
//
// What it does, and why so, is said in pause-x86_64.s.

        .set    base, 0x400000
        .text
elf:    .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0         // 64 bits, little-endian, System V
        .quad   0
        .short  2, 183                                  // ET_EXEC, EM_AARCH64
        .long   1
        .quad   base + (start - elf)                    // entry point
        .quad   segment - elf, 0                        // program headers, no section headers
        .long   0
        .short  64, 56, 1, 64, 0, 0
segment:
        .long   1, 5                                    // PT_LOAD, readable and executable
        .quad   0, base, base
        .quad   end - elf, end - elf, 0x10000           // pages of up to 64 KiB

start:  mov     x8, #134                                // rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8)
        mov     x0, #17
        adr     x1, ignore
        mov     x2, #0
        mov     x3, #8
        svc     #0
        mov     x8, #135                                // rt_sigprocmask(SIG_BLOCK, signals, NULL, 8)
        mov     x0, #0
        adr     x1, signals
        svc     #0
wait:   mov     x8, #137                                // rt_sigtimedwait(signals, NULL, NULL, 8)
        adr     x0, signals
        mov     x1, #0
        svc     #0
        tbnz    x0, #63, wait                           // EINTR, after SIGSTOP and SIGCONT
        mov     x8, #94                                 // exit_group(0)
        mov     x0, #0
        svc     #0

        .balign 8
signals: .quad   1 << (2 - 1) | 1 << (15 - 1)            // SIGINT, SIGTERM
ignore: .quad   1, 0, 0, 0                              // SIG_IGN, flags, restorer, mask
end:
