package java

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// A virtual machine cannot change its working folder, its variables, or what a
// descriptor is. One that was started ahead must do all three, so the bootstrap
// has native methods of a few instructions. They are machine code here, and the
// library around them is made by libraryFor: a C compiler for each architecture
// would be a lot to ask of who builds Lambent.

// libraryName is the library, in the folder that is shown at /var/runtime.
const libraryName = "lambent-java.so"

// symbolPrefix begins the names of lambent.runtime.Ahead's native methods.
const symbolPrefix = "Java_lambent_runtime_Ahead_"

// method is where a native method begins in the code.
type method struct {
	name string
	at   int
}

// native is the methods of an architecture. Their arguments follow the two that
// every native method has.
//
//	long address(ByteBuffer b)   return (*env)->GetDirectBufferAddress(env, b)   // the 230th of JNI's functions
//	void variables(long array)   environ = array
//	int enter(long folder)       if ((r = chdir(folder)) < 0) return r
//	                             if ((fd = open("/dev/null", O_RDWR, 0)) < 0) return fd
//	                             r = dup2(fd, 0); close(fd); return r            // dup3 on arm64
type native struct {
	machine uint16 // of ELF
	pointer uint32 // the relocation that gives a pointer to a variable
	code    string
	methods []method
	// patch makes the instruction in variables that reads the pointer, which is
	// so many bytes after it.
	patch func(code []byte, distance func(at int) int)
}

var natives = map[string]native{
	"amd64": {
		machine: 62, pointer: 6,
		methods: []method{{"address", 0x00}, {"variables", 0x0f}, {"enter", 0x1a}},
		code: "53" + "4889d6" + "488b07" + "ff9030070000" + "5b" + "c3" + // push rbx; rsi = rdx; rax = [rdi]; call [rax+8*230]; pop rbx; ret
			"488b0500000000" + "488910" + "c3" + // rax = [rip+distance]; [rax] = rdx; ret
			"53" + "4889d7" + "b850000000" + "0f05" + "85c0" + "7833" + // push rbx; rdi = rdx; chdir; js out
			"488d3d2e000000" + "be02000000" + "31d2" + "b802000000" + "0f05" + "85c0" + "781a" + // open(null, 2, 0); js out
			"89c3" + "89c7" + "31f6" + "b821000000" + "0f05" + // ebx = fd; dup2(fd, 0)
			"89df" + "89c3" + "b803000000" + "0f05" + "89d8" + // close(fd); eax = what dup2 gave
			"5b" + "c3" + // out: pop rbx; ret
			"2f6465762f6e756c6c00", // null: "/dev/null"
		patch: func(code []byte, distance func(at int) int) {
			binary.LittleEndian.PutUint32(code[0x12:], uint32(distance(0x16))) // from the next instruction
		},
	},
	"arm64": {
		machine: 183, pointer: 1025,
		methods: []method{{"address", 0}, {"variables", 28}, {"enter", 44}},
		code: "fd7bbfa9" + "e10302aa" + "030040f9" + "639843f9" + "60003fd6" + "fd7bc1a8" + "c0035fd6" + // stp x29, x30; x1 = x2; x3 = [x0]; x3 = [x3+8*230]; blr x3; ldp x29, x30; ret
			"00000000" + "210040f9" + "220000f9" + "c0035fd6" + // adr x1, distance; x1 = [x1]; [x1] = x2; ret
			"e00302aa" + "280680d2" + "010000d4" + "4002f837" + // x0 = x2; chdir; tbnz w0, #31, out
			"600c8092" + "21020010" + "420080d2" + "030080d2" + "080780d2" + "010000d4" + "6001f837" + // openat(-100, null, 2, 0); tbnz
			"e90300aa" + "010080d2" + "020080d2" + "080380d2" + "010000d4" + // x9 = fd; dup3(fd, 0, 0)
			"ea0300aa" + "e00309aa" + "280780d2" + "010000d4" + "e0030aaa" + // close(fd); x0 = what dup3 gave
			"c0035fd6" + // out: ret
			"2f6465762f6e756c6c00", // null: "/dev/null"
		patch: func(code []byte, distance func(at int) int) {
			d := uint32(distance(28))
			binary.LittleEndian.PutUint32(code[28:], 0x10000001|d&3<<29|d>>2&0x7ffff<<5)
		},
	},
}

// Of ELF, what is needed.
const (
	ehdrSize, phdrSize, symSize, relaSize = 64, 56, 24, 24
	segments                              = 4
	pageSize                              = 0x10000 // the largest of both architectures

	ptLoad, ptDynamic, ptStack = 1, 2, 0x6474e551
	readable, writable, runs   = 4, 2, 1
	function, object           = 1<<4 | 2, 1<<4 | 1 // global
)

// libraryFor makes the shared library for an architecture; nil where there is
// no code for it.
func libraryFor(goarch string) []byte {
	n, known := natives[goarch]
	text, err := hex.DecodeString(n.code)
	if !known || err != nil {
		return nil
	}
	names := "\x00environ\x00"
	nameAt := make([]int, len(n.methods))
	for i, m := range n.methods {
		nameAt[i] = len(names)
		names += symbolPrefix + m.name + "\x00"
	}
	symbols := 2 + len(n.methods) // none, environ, the methods
	const symtab = ehdrSize + segments*phdrSize
	hash := symtab + symbols*symSize
	rela := hash + (3+symbols)*4
	strtab := rela + relaSize
	start := align(strtab+len(names), 16)
	data := align(start+len(text), 16) // the pointer to environ, and the dynamic section
	const at = pageSize                // how far the data is loaded from its place in the file
	n.patch(text, func(from int) int { return at + data - (start + from) })
	tags := []uint64{ // HASH STRTAB SYMTAB STRSZ SYMENT RELA RELASZ RELAENT NULL
		4, uint64(hash), 5, uint64(strtab), 6, symtab, 10, uint64(len(names)), 11, symSize,
		7, uint64(rela), 8, relaSize, 9, relaSize, 0, 0,
	}

	var out bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&out, binary.LittleEndian, v) // to memory
		}
	}
	segment := func(kind, flags uint32, offset, address, size int, alignment uint64) {
		put(kind, flags, uint64(offset), uint64(address), uint64(address), uint64(size), uint64(size), alignment)
	}
	put([16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, uint16(3), n.machine, uint32(1), uint64(0), uint64(ehdrSize), uint64(0),
		uint32(0), uint16(ehdrSize), uint16(phdrSize), uint16(segments), uint16(0), uint16(0), uint16(0))
	segment(ptLoad, readable|runs, 0, 0, start+len(text), pageSize)
	segment(ptLoad, readable|writable, data, at+data, 8+8*len(tags), pageSize)
	segment(ptDynamic, readable|writable, data+8, at+data+8, 8*len(tags), 8)
	segment(ptStack, readable|writable, 0, 0, 0, 16) // without it, the stack would have to be executable
	put([symSize]byte{}, uint32(1), uint8(object), uint8(0), uint16(0), uint64(0), uint64(0))
	for i, m := range n.methods {
		put(uint32(nameAt[i]), uint8(function), uint8(0), uint16(1), uint64(start+m.at), uint64(0))
	}
	put(uint32(1), uint32(symbols), uint32(1)) // one bucket, a chain of all symbols
	for i := range symbols {
		put(uint32((i + 1) % symbols * min(i, 1)))
	}
	put(uint64(at+data), uint64(1)<<32|uint64(n.pointer), uint64(0))
	put([]byte(names))
	put(make([]byte, start-out.Len()), text)
	put(make([]byte, data-out.Len()), uint64(0), tags)
	return out.Bytes()
}

func align(n, to int) int { return (n + to - 1) / to * to }
