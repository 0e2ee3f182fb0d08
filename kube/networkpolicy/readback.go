package networkpolicy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// listing is nft's answer in JSON: one object for each thing.
type listing struct {
	Nftables []struct {
		Set   *listedSet   `json:"set"`
		Map   *listedSet   `json:"map"`
		Chain *listedChain `json:"chain"`
		Rule  *struct {
			Chain string           `json:"chain"`
			Expr  []map[string]any `json:"expr"`
		} `json:"rule"`
	} `json:"nftables"`
}

type listedSet struct {
	Name string `json:"name"`
	Type any    `json:"type"`
	Map  any    `json:"map"`
	Elem []any  `json:"elem"`
}

type listedChain struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Hook   string `json:"hook"`
	Prio   int    `json:"prio"`
	Policy string `json:"policy"`
}

// readTable makes a table of what nft lists, in JSON, of the kernel's.
func readTable(family string, text []byte) (table, error) {
	var all listing
	t := table{family: family}
	if err := json.Unmarshal(text, &all); err != nil {
		return t, fmt.Errorf("nft's listing cannot be read: %w", err)
	}
	place := map[string]int{}
	for _, item := range all.Nftables {
		switch {
		case item.Set != nil:
			t.sets = append(t.sets, item.Set.read())
		case item.Map != nil:
			t.sets = append(t.sets, item.Map.read())
		case item.Chain != nil:
			c := chain{name: item.Chain.Name}
			if item.Chain.Hook != "" {
				c.hook = fmt.Sprintf("type %s hook %s priority %d; policy %s;",
					item.Chain.Type, item.Chain.Hook, item.Chain.Prio, item.Chain.Policy)
			}
			place[c.name] = len(t.chains)
			t.chains = append(t.chains, c)
		case item.Rule != nil:
			i, there := place[item.Rule.Chain]
			if !there {
				return t, fmt.Errorf("nft lists a rule of the chain %s and not the chain", item.Rule.Chain)
			}
			t.chains[i].rules = append(t.chains[i].rules, readRule(item.Rule.Expr))
		}
	}
	return t, nil
}

func (l listedSet) read() set {
	s := set{name: l.Name}
	if l.Map != nil {
		s.to = fmt.Sprint(l.Map)
	}
	switch kind := l.Type.(type) {
	case []any:
		var words []string
		for _, word := range kind {
			words = append(words, fmt.Sprint(word))
		}
		s.kind = strings.Join(words, " . ")
	default:
		s.kind = fmt.Sprint(kind)
	}
	quote := strings.HasPrefix(s.kind, "ifname")
	for _, element := range l.Elem {
		word := ""
		if pair, ok := element.([]any); ok && len(pair) == 2 {
			value := readValue(pair[1])
			if verdict, ok := pair[1].(map[string]any); ok {
				value = readVerdict(verdict)
			}
			word = readValue(pair[0]) + " : " + value
		} else {
			word = readValue(element)
		}
		if quote {
			name, rest, more := strings.Cut(word, " . ")
			word = quoted(name)
			if more {
				word += " . " + rest
			}
		}
		s.elements = append(s.elements, word)
	}
	return s
}

// readValue writes a value of nft's JSON as this package writes it; what is
// unknown stays JSON, and so differs from what was wanted.
func readValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any:
		if pair, ok := v["range"].([]any); ok && len(pair) == 2 {
			return readValue(pair[0]) + "-" + readValue(pair[1])
		}
		if parts, ok := v["concat"].([]any); ok {
			var words []string
			for _, part := range parts {
				words = append(words, readValue(part))
			}
			return strings.Join(words, " . ")
		}
		if prefix, ok := v["prefix"].(map[string]any); ok {
			if s, err := readPrefix(prefix); err == nil {
				return words(spans{s}, addressWord)[0]
			}
		}
	}
	text, _ := json.Marshal(value)
	return string(text)
}

func readPrefix(prefix map[string]any) (span, error) {
	length, _ := prefix["len"].(float64)
	parsed, err := netip.ParsePrefix(fmt.Sprintf("%v/%d", prefix["addr"], int(length)))
	if err != nil || !parsed.Addr().Is4() {
		return span{}, fmt.Errorf("no prefix of IPv4: %v", prefix)
	}
	return spanOf(parsed), nil
}

func readVerdict(expression map[string]any) string {
	for name, value := range expression {
		arguments, _ := value.(map[string]any)
		switch name {
		case "accept", "drop", "return":
			return name
		case "goto", "jump":
			return fmt.Sprintf("%s %v", name, arguments["target"])
		case "reject":
			if arguments["type"] == "tcp reset" {
				return "reject with tcp reset"
			}
			return fmt.Sprintf("reject with %v %v", arguments["type"], arguments["expr"])
		case "mangle":
			value, _ := arguments["value"].(map[string]any)
			if lookup, ok := value["map"].(map[string]any); ok {
				return fmt.Sprintf("%s set %s map %s",
					readField(arguments["key"]), readField(lookup["key"]), readValue(lookup["data"]))
			}
		}
	}
	text, _ := json.Marshal(expression)
	return string(text)
}

// readCount reads the counting of connections; whatever else is done to a set
// stays JSON, and so differs from what was wanted.
func readCount(update map[string]any) term {
	statements, _ := update["stmt"].([]any)
	if len(statements) == 1 {
		statement, _ := statements[0].(map[string]any)
		count, _ := statement["ct count"].(map[string]any)
		most, _ := count["val"].(float64)
		name, _ := update["set"].(string)
		name = strings.TrimPrefix(name, "@")
		if count["inv"] == true && update["op"] == "add" && countedKeys[name] != "" &&
			readField(update["elem"]) == countedKeys[name] {
			return counted(name, int(most))
		}
	}
	text, _ := json.Marshal(update)
	return is("set", string(text))
}

func readRule(expressions []map[string]any) rule {
	var r rule
	for _, expression := range expressions {
		if match, ok := expression["match"].(map[string]any); ok {
			r.terms = append(r.terms, readMatch(match))
		} else if count, ok := expression["set"].(map[string]any); ok {
			r.terms = append(r.terms, readCount(count))
		} else if lookup, ok := expression["vmap"].(map[string]any); ok {
			r.terms = append(r.terms, is(readField(lookup["key"]), "vmap "+readValue(lookup["data"])))
		} else {
			r.verdict = readVerdict(expression)
		}
	}
	return r
}

// protocolWord are the protocols' numbers where nft knew their names.
var protocolWord = map[string]string{"icmp": "1", "tcp": "6", "udp": "17", "sctp": "132"}

func readMatch(match map[string]any) term {
	t := term{field: readField(match["left"]), negate: match["op"] == "!="}
	values := []any{match["right"]}
	if right, ok := match["right"].(map[string]any); ok {
		if some, ok := right["set"].([]any); ok {
			values = some
		}
	}
	for _, value := range values {
		word := readValue(value)
		switch t.field {
		case "meta l4proto":
			if number, ok := protocolWord[word]; ok {
				word = number
			}
		case "iifname", "oifname":
			if !strings.HasPrefix(word, "@") {
				word = quoted(word)
			}
		}
		t.values = append(t.values, word)
	}
	return t
}

func readField(left any) string {
	fields, _ := left.(map[string]any)
	for name, value := range fields {
		if parts, ok := value.([]any); ok && name == "concat" {
			var words []string
			for _, part := range parts {
				words = append(words, readField(part))
			}
			return strings.Join(words, " . ")
		}
		arguments, _ := value.(map[string]any)
		switch name {
		case "payload":
			return fmt.Sprintf("%v %v", arguments["protocol"], arguments["field"])
		case "meta":
			key := fmt.Sprint(arguments["key"])
			if key == "iifname" || key == "oifname" {
				return key
			}
			return "meta " + key
		case "ct":
			return fmt.Sprintf("ct %v", arguments["key"])
		}
	}
	text, _ := json.Marshal(left)
	return string(text)
}
