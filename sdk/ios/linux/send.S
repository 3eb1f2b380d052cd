// objc_msgSend for gcc's runtime on x86-64, so that the SDK's code is what it is on Apple's systems: one call for a message.
// The method is looked up with all registers that hold arguments saved, and jumped to.
	.text
	.macro SEND name receiver selector
	.globl \name
	.type \name, @function
\name:
	.cfi_startproc
	test \receiver, \receiver
	je 1f
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	sub $192, %rsp
	mov %rdi, -8(%rbp)
	mov %rsi, -16(%rbp)
	mov %rdx, -24(%rbp)
	mov %rcx, -32(%rbp)
	mov %r8, -40(%rbp)
	mov %r9, -48(%rbp)
	mov %rax, -56(%rbp)
	movups %xmm0, -80(%rbp)
	movups %xmm1, -96(%rbp)
	movups %xmm2, -112(%rbp)
	movups %xmm3, -128(%rbp)
	movups %xmm4, -144(%rbp)
	movups %xmm5, -160(%rbp)
	movups %xmm6, -176(%rbp)
	movups %xmm7, -192(%rbp)
	.ifnc \receiver, %rdi
	mov \receiver, %rdi
	mov \selector, %rsi
	.endif
	call objc_msg_lookup@PLT
	mov %rax, %r11
	mov -8(%rbp), %rdi
	mov -16(%rbp), %rsi
	mov -24(%rbp), %rdx
	mov -32(%rbp), %rcx
	mov -40(%rbp), %r8
	mov -48(%rbp), %r9
	mov -56(%rbp), %rax
	movups -80(%rbp), %xmm0
	movups -96(%rbp), %xmm1
	movups -112(%rbp), %xmm2
	movups -128(%rbp), %xmm3
	movups -144(%rbp), %xmm4
	movups -160(%rbp), %xmm5
	movups -176(%rbp), %xmm6
	movups -192(%rbp), %xmm7
	leave
	.cfi_def_cfa %rsp, 8
	jmp *%r11
1:	xor %eax, %eax // nil answers every message with zero
	xor %edx, %edx
	xorps %xmm0, %xmm0
	xorps %xmm1, %xmm1
	ret
	.cfi_endproc
	.size \name, . - \name
	.endm

	SEND objc_msgSend %rdi %rsi
	SEND objc_msgSend_fpret %rdi %rsi
	SEND objc_msgSend_stret %rsi %rdx
	.section .note.GNU-stack,"",@progbits
