package cairo

// Selector is the name of a system call: the short string that compiled code writes as the first felt of a request.
type Selector string

// Selectors of the system calls.
const (
	StorageRead            Selector = "StorageRead"
	StorageWrite           Selector = "StorageWrite"
	EmitEvent              Selector = "EmitEvent"
	CallContract           Selector = "CallContract"
	LibraryCall            Selector = "LibraryCall"
	Deploy                 Selector = "Deploy"
	GetExecutionInfo       Selector = "GetExecutionInfo"
	GetBlockHash           Selector = "GetBlockHash"
	GetClassHashAt         Selector = "GetClassHashAt"
	ReplaceClass           Selector = "ReplaceClass"
	SendMessageToL1        Selector = "SendMessageToL1"
	MetaTxV0               Selector = "MetaTxV0"
	Keccak                 Selector = "Keccak"
	Sha256ProcessBlock     Selector = "Sha256ProcessBlock"
	Sha512ProcessBlock     Selector = "Sha512ProcessBlock"
	Secp256k1New           Selector = "Secp256k1New"
	Secp256k1Add           Selector = "Secp256k1Add"
	Secp256k1Mul           Selector = "Secp256k1Mul"
	Secp256k1GetPointFromX Selector = "Secp256k1GetPointFromX"
	Secp256k1GetXy         Selector = "Secp256k1GetXy"
	Secp256r1New           Selector = "Secp256r1New"
	Secp256r1Add           Selector = "Secp256r1Add"
	Secp256r1Mul           Selector = "Secp256r1Mul"
	Secp256r1GetPointFromX Selector = "Secp256r1GetPointFromX"
	Secp256r1GetXy         Selector = "Secp256r1GetXy"
)
