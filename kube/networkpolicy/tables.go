package networkpolicy

import (
	"fmt"
	"sort"
	"strings"
)

// table is one table of nftables. It is written down as a script, and read
// back from what the kernel has; both are compared in this form.
type table struct {
	family string
	sets   []set
	chains []chain
}

// set is a named set, or a map from keys to verdicts.
type set struct {
	name     string
	kind     string // type of the keys, as nft writes it
	to       string // type of a map's values: "verdict" or "mark"
	interval bool
	dynamic  bool     // filled by the kernel, so its elements are no one's to compare
	elements []string // of a map: "key : value"
}

// chain is a list of rules. A hook makes it the start of packets' way.
type chain struct {
	name    string
	hook    string
	comment string
	rules   []rule
}

// rule is a verdict on what all of its terms match.
type rule struct {
	terms   []term
	verdict string
}

// term compares one field with some values; the verdict of a map stands in
// values as "vmap @name".
type term struct {
	field  string
	negate bool
	values []string
}

// script is the nft script that puts tables in place of those of these names.
// A table is named before it is deleted, so that it need not be there.
func script(tables ...table) string {
	var text strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&text, "table %s %s\ndelete table %s %s\n", t.family, TableName, t.family, TableName)
	}
	for _, t := range tables {
		fmt.Fprintf(&text, "table %s %s {\n", t.family, TableName)
		for _, s := range t.sets {
			s.write(&text)
		}
		for _, c := range t.chains {
			c.write(&text)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

// dynamicSize is how many elements the kernel keeps of a set that it fills.
const dynamicSize = 65535

func (s set) write(text *strings.Builder) {
	word, kind := "set", s.kind
	if s.to != "" {
		word, kind = "map", s.kind+" : "+s.to
	}
	fmt.Fprintf(text, "\t%s %s {\n\t\ttype %s\n", word, s.name, kind)
	if s.interval {
		text.WriteString("\t\tflags interval\n")
	}
	if s.dynamic {
		fmt.Fprintf(text, "\t\tsize %d\n\t\tflags dynamic\n", dynamicSize)
	}
	if len(s.elements) > 0 {
		fmt.Fprintf(text, "\t\telements = { %s }\n", strings.Join(s.elements, ", "))
	}
	text.WriteString("\t}\n")
}

func (c chain) write(text *strings.Builder) {
	fmt.Fprintf(text, "\tchain %s {\n", c.name)
	if c.comment != "" {
		fmt.Fprintf(text, "\t\t# %s\n", c.comment)
	}
	if c.hook != "" {
		fmt.Fprintf(text, "\t\t%s\n", c.hook)
	}
	for _, r := range c.rules {
		fmt.Fprintf(text, "\t\t%s\n", r)
	}
	text.WriteString("\t}\n")
}

func (r rule) String() string {
	words := make([]string, 0, len(r.terms)+1)
	for _, t := range r.terms {
		words = append(words, t.String())
	}
	if r.verdict != "" {
		words = append(words, r.verdict)
	}
	return strings.Join(words, " ")
}

func (t term) String() string {
	operator := " "
	if t.negate {
		operator = " != "
	}
	// nft wants a set where addresses and ports stand together.
	if len(t.values) == 1 && !strings.Contains(t.values[0], " . ") {
		return t.field + operator + t.values[0]
	}
	return t.field + operator + "{ " + strings.Join(t.values, ", ") + " }"
}

// is is a term that compares a field with one word.
func is(field, word string) term { return term{field: field, values: []string{word}} }

// isNot is a term that holds where the field is not that word.
func isNot(field, word string) term { return term{field: field, negate: true, values: []string{word}} }

// lookUp is a term that goes where a map says.
func lookUp(field, name string) term { return is(field, "vmap @"+name) }

// digest writes a table down so that two that do the same are equal: a line
// for everything, without the order that does not count.
func (t table) digest() []string {
	var lines []string
	for _, s := range t.sets {
		lines = append(lines, fmt.Sprintf("set %s %s", s.name, s.kind))
		if s.name == connectionSet || s.name == seatConnectionSet {
			continue
		}
		for _, element := range s.elements {
			lines = append(lines, fmt.Sprintf("set %s has %s", s.name, element))
		}
	}
	for _, c := range t.chains {
		lines = append(lines, fmt.Sprintf("chain %s %s", c.name, c.hook))
		for i, r := range c.rules {
			lines = append(lines, fmt.Sprintf("chain %s rule %d: %s", c.name, i, r.sorted()))
		}
	}
	sort.Strings(lines)
	return lines
}

func (r rule) sorted() rule {
	copied := rule{verdict: r.verdict}
	for _, t := range r.terms {
		t.values = append([]string(nil), t.values...)
		sort.Strings(t.values)
		copied.terms = append(copied.terms, t)
	}
	return copied
}
