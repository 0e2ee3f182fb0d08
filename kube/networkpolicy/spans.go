package networkpolicy

import (
	"fmt"
	"net/netip"
	"sort"

	networkingv1 "k8s.io/api/networking/v1"
)

// span is a range of IPv4 addresses or of ports, both ends included.
type span struct{ first, last uint32 }

// spans are in order and apart: no two touch, so equal sets are equal slices.
type spans []span

// everywhere is every IPv4 address.
var everywhere = spans{{0, ^uint32(0)}}

// one is the span of a single number.
func one(number uint32) span { return span{number, number} }

// merged puts spans in order and joins those that overlap or touch, in a
// slice of its own.
func merged(some ...span) spans {
	sorted := append(spans(nil), some...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].first < sorted[j].first })
	kept := spans{}
	for _, next := range sorted {
		end := len(kept) - 1
		// 64 bits, since the last address has no successor in 32.
		if end >= 0 && uint64(next.first) <= uint64(kept[end].last)+1 {
			kept[end].last = max(kept[end].last, next.last)
			continue
		}
		kept = append(kept, next)
	}
	return kept
}

// without is what is in s and not in taken.
func (s spans) without(taken spans) spans {
	left := spans{}
	for _, from := range s {
		rest, gone := from, false
		for _, cut := range taken {
			if cut.last < rest.first || cut.first > rest.last {
				continue
			}
			if cut.first > rest.first {
				left = append(left, span{rest.first, cut.first - 1})
			}
			if cut.last >= rest.last {
				gone = true
				break
			}
			rest.first = cut.last + 1
		}
		if !gone {
			left = append(left, rest)
		}
	}
	return left
}

// has tells whether a number is in one of the spans.
func (s spans) has(number uint32) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].last >= number })
	return i < len(s) && s[i].first <= number
}

// numberOf is an IPv4 address as a number.
func numberOf(address netip.Addr) uint32 {
	b := address.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// addressOf is a number as an IPv4 address.
func addressOf(number uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{
		byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)})
}

// spanOf is the range of an IPv4 prefix.
func spanOf(prefix netip.Prefix) span {
	first := numberOf(prefix.Masked().Addr())
	return span{first, first | uint32(uint64(1)<<(32-prefix.Bits())-1)}
}

// parseBlock returns the addresses of a block without its exceptions. A block
// of IPv6 has none of the pods' network, which has no IPv6. The error says
// which word is no address block: an address with a leading zero is read
// differently by different programs, so it is not read at all.
func parseBlock(block *networkingv1.IPBlock) (spans, error) {
	whole, is4, err := parsePrefix(block.CIDR)
	if err != nil {
		return nil, fmt.Errorf("cidr %w", err)
	}
	var taken []span
	for _, word := range block.Except {
		except, except4, err := parsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("except %w", err)
		}
		if except4 != is4 {
			return nil, fmt.Errorf("except %q is of another family than cidr %q", word, block.CIDR)
		}
		if is4 {
			taken = append(taken, except)
		}
	}
	if !is4 {
		return nil, nil
	}
	return spans{whole}.without(merged(taken...)), nil
}

func parsePrefix(word string) (span, bool, error) {
	prefix, err := netip.ParsePrefix(word)
	switch {
	case err != nil:
		return span{}, false, fmt.Errorf(
			"%q is no address block: write it like 192.0.2.0/24, without leading zeros", word)
	case prefix.Addr().Is4In6():
		return span{}, false, fmt.Errorf("%q is IPv4 written as IPv6: write it as IPv4", word)
	case prefix.Addr().Is6():
		return span{}, false, nil
	}
	return spanOf(prefix), true, nil
}
