# The program of a pod's sandbox, for x86-64: ELF header, one loadable segment, code.
#
#   as -o pause.o pause-x86_64.s && objcopy -O binary -j .text pause.o pause-x86_64
#
# As process 1 of the sandbox it reaps (SIGCHLD is ignored, so ended children leave no zombies), waits for SIGTERM or
# SIGINT, and exits with 0. The two signals are blocked and waited for, because the kernel drops what process 1
# neither handles nor blocks; a handler would need a stack frame and a way back.

        .set    base, 0x400000
        .text
elf:    .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0         # 64 bits, little-endian, System V
        .quad   0
        .short  2, 62                                   # ET_EXEC, EM_X86_64
        .long   1
        .quad   base + (start - elf)                    # entry point
        .quad   segment - elf, 0                        # program headers, no section headers
        .long   0
        .short  64, 56, 1, 64, 0, 0
segment:
        .long   1, 5                                    # PT_LOAD, readable and executable
        .quad   0, base, base
        .quad   end - elf, end - elf, 0x1000

start:  mov     $13, %eax                               # rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8)
        mov     $17, %edi
        lea     ignore(%rip), %rsi
        xor     %edx, %edx
        mov     $8, %r10d
        syscall
        mov     $14, %eax                               # rt_sigprocmask(SIG_BLOCK, signals, NULL, 8)
        xor     %edi, %edi
        lea     signals(%rip), %rsi
        syscall
wait:   mov     $128, %eax                              # rt_sigtimedwait(signals, NULL, NULL, 8)
        lea     signals(%rip), %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        syscall
        test    %eax, %eax
        js      wait                                    # EINTR, after SIGSTOP and SIGCONT
        mov     $231, %eax                              # exit_group(0)
        xor     %edi, %edi
        syscall

        .balign 8
signals: .quad   1 << (2 - 1) | 1 << (15 - 1)            # SIGINT, SIGTERM
ignore: .quad   1, 0, 0, 0                              # SIG_IGN, flags, restorer, mask
end:
