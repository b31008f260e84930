package lint

// A variable is one local name.
type variable struct {
	name    string
	pos     position
	kind    variableKind
	reads   int
	assigns int   // beside its declaration
	value   *expr // of its declaration, or nil
}

type variableKind uint8

const (
	plainLocal variableKind = iota
	localFunction
	parameter
	loopVariable
)

// An expr is what the linter knows about an expression: names with the fields behind them, strings,
// tables, calls and functions. All else has kind exprOther.
type expr struct {
	kind exprKind
	pos  position
	text string    // exprString: its value; exprName: the name
	base *variable // exprName: the local variable, nil for a global
	path []key     // exprName, exprField: the fields behind it
	// exprTable: the fields with known keys.
	fields []field
	// exprCall: what is called; exprOr: the left side; exprField: what the fields are of.
	callee *expr
	args   []*expr     // exprCall
	params []*variable // exprFunction
}

type exprKind uint8

const (
	exprOther exprKind = iota
	exprName
	exprString
	exprTable
	exprCall
	exprFunction
	exprOr    // left or right, and a name or call in parentheses
	exprField // fields of what is neither a name nor a field
)

// A key is a field's name with its place. An unknown one was computed.
type key struct {
	name  string
	known bool
	pos   position
}

type field struct {
	key   key
	value *expr
}

// An access is a name with fields behind it that is read, written or called.
type access struct {
	at    *expr
	write bool // the last field, or the name itself, is assigned
}

// A chunk is what the parser found in a file.
type chunk struct {
	variables []*variable // all local names, in order of declaration
	accesses  []access    // all uses of names, in order
	writes    []write
	calls     []*expr
	returned  *expr // first value of the file's own return statement
}

// A write is an assignment to a name or a field.
type write struct {
	to    *expr
	value *expr // nil when it is not known which value it gets
}
