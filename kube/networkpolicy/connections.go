package networkpolicy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	// connectionSet has the connections that the kernel counts for each address.
	connectionSet = "connections"
	// seatConnectionSet has those that it counts for all pods of a namespace together.
	seatConnectionSet = "seat-connections"
	// seatMap has the mark of each pod's namespace.
	seatMap = "seats"
)

// seat is a pod's address with the mark of its namespace.
type seat struct {
	address uint32
	mark    uint32
}

// seated returns the marks of the pods that have bounds.
func (c *compiler) seated(bounds *Bounds) []seat {
	if bounds == nil || bounds.connections == 0 {
		return nil
	}
	var made []seat
	for _, pod := range c.members {
		if !slices.Contains(bounds.trusted, pod.pod.Namespace) {
			made = append(made, seat{pod.address, markOf(pod.pod.Namespace)})
		}
	}
	return made
}

// markOf is a namespace's mark: the same whatever else there is, since marks
// stay on connections, and never 0, which is no mark. Two namespaces of one
// mark, one pair in four billion, would share a bound.
func markOf(namespace string) uint32 {
	sum := sha256.Sum256([]byte(namespace))
	return max(1, binary.BigEndian.Uint32(sum[:4]))
}

// addSeats adds the map from pods to their namespaces' marks.
func (r Rules) addSeats(t *table) {
	seats := set{name: seatMap, kind: "ipv4_addr", to: "mark"}
	for _, one := range r.seats {
		seats.elements = append(seats.elements, fmt.Sprintf("%s : %d", addressOf(one.address), one.mark))
	}
	t.sets = append(t.sets, seats)
}

// marking marks what a pod begins with its namespace's mark. It marks the
// connection and no packet: packets' marks are kube-proxy's.
var marking = rule{[]term{is("ct state", "new")}, "ct mark set ip saddr map @" + seatMap}

// connectionTable refuses connections to a pod beyond those that one address,
// or one namespace, may have there: who opens thousands takes memory from
// whoever serves all seats, as the router does. It is a table of its own, that
// no policy changes, since the kernel forgets what it has counted when the
// table is replaced.
func (r Rules) connectionTable(bridge string) table {
	t := table{family: "ip"}
	if r.connections == 0 {
		return t
	}
	begun := []term{is("oifname", quoted(bridge)), is("meta l4proto", "6"), is("ct state", "new")}
	refused := func(more ...term) rule {
		return rule{slices.Concat(begun, more), "reject with tcp reset"}
	}
	t.sets = []set{
		{name: connectionSet, kind: "ipv4_addr . ipv4_addr", dynamic: true},
		{name: seatConnectionSet, kind: "mark . ipv4_addr", dynamic: true},
	}
	t.chains = []chain{{name: "count", hook: hook("forward", -18), rules: []rule{
		refused(counted(connectionSet, r.connections)),
		refused(isNot("ct mark", "0"), counted(seatConnectionSet, r.connections)),
	}}}
	return t
}

// countsConnections says why the kernel cannot count connections; it keeps
// nothing of what it is asked.
func countsConnections(ctx context.Context) error {
	_, err := nft(ctx, script(Rules{connections: 1}.connectionTable("any")), "--check", "-f", "-")
	return err
}

// countedKeys are what the connections of each set are counted by.
var countedKeys = map[string]string{
	connectionSet:     "ip saddr . ip daddr",
	seatConnectionSet: "ct mark . ip daddr",
}

// counted holds where a new connection is one too many between its two ends.
func counted(name string, most int) term {
	return is("add @"+name, fmt.Sprintf("%s ct count over %d", countedKeys[name], most))
}
