// Package networkpolicy enforces NetworkPolicies on a node whose pods share a
// bridge. The rules are computed from scratch and replace the former ones in
// one transaction of nftables, so they are whole at any moment and nothing
// depends on what was there before.
package networkpolicy

import (
	"fmt"
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"mnist-lab/kube/networkpolicy/claims"
)

const (
	// policyLimit is how many addresses and ports one policy may name: what
	// one namespace asks for is paid by the whole node.
	policyLimit = 10_000
	// namespaceLimit is the same for all policies of a namespace together.
	namespaceLimit = 50_000
)

// Subject is what a problem is about: a policy, or a namespace.
type Subject interface {
	metav1.Object
	runtime.Object
}

// Problem says what of a policy, or of what a namespace opens, is not as its
// author wanted it. What cannot be read allows nothing; the rest holds.
type Problem struct {
	Subject Subject
	Message string
}

// direction is ingress or egress.
type direction = networkingv1.PolicyType

const (
	ingress = networkingv1.PolicyTypeIngress
	egress  = networkingv1.PolicyTypeEgress
)

// door is one port of one address: what a named port means.
type door struct {
	address uint32
	port    uint32
}

// allowance is what one rule of a policy lets through, seen from the pods that
// the policy selects. Nil spans stand for any; empty ones for none.
type allowance struct {
	peers    spans
	protocol corev1.Protocol // empty: any
	ports    spans
	doors    []door // set where the port was a name; then it stands for ports
}

// guard is one direction of one policy.
type guard struct {
	name   string // of the policy, with its namespace
	allows []allowance
}

// guarded is a pod's address with the guards of each direction. Nil guards
// leave the direction open.
type guarded struct {
	address uint32
	guards  map[direction][]*guard
}

// Rules are what the node shall do, in the project's own terms.
type Rules struct {
	pods   []guarded
	claims []claims.Claim
	bounds []bound
	closed spans
	// connections is how many one address, or one namespace, may have to one pod; 0: any number.
	connections int
	seats       []seat
}

type compiler struct {
	members    []member
	namespaces map[string]labels.Set
	spaces     map[string]*corev1.Namespace
	spent      map[string]int
	problems   []Problem
}

// Compile turns the state into rules, and says what of which policy could not
// be read. It never fails: a policy that is not understood closes what it
// selects, and concerns no other.
func Compile(state State) (Rules, []Problem) {
	c := &compiler{
		members:    state.members(),
		namespaces: map[string]labels.Set{},
		spaces:     map[string]*corev1.Namespace{},
		spent:      map[string]int{},
	}
	for _, namespace := range state.Namespaces {
		c.namespaces[namespace.Name] = labels.Set(namespace.Labels)
		c.spaces[namespace.Name] = namespace
	}
	rules := Rules{
		claims: c.known(state.Claims), bounds: c.bounded(state.Bounds), seats: c.seated(state.Bounds),
	}
	if state.Bounds != nil {
		rules.closed, rules.connections = state.Bounds.closed, state.Bounds.connections
	}
	for _, pod := range c.members {
		rules.pods = append(rules.pods, guarded{pod.address, map[direction][]*guard{}})
	}
	policies := slices.Clone(state.Policies)
	sort.Slice(policies, func(i, j int) bool { return policyKey(policies[i]) < policyKey(policies[j]) })
	for _, policy := range policies {
		c.add(policy, rules.pods)
	}
	return rules, c.problems
}

// known are the claims of the pods that are there.
func (c *compiler) known(all []claims.Claim) []claims.Claim {
	var kept []claims.Claim
	for _, claim := range all {
		for _, pod := range c.members {
			if identity(pod.pod) == claim.UID && claim.Address == addressOf(pod.address) {
				kept = append(kept, claim)
			}
		}
	}
	sort.Slice(kept, func(i, j int) bool { return kept[i].Address.Less(kept[j].Address) })
	return kept
}

func policyKey(policy *networkingv1.NetworkPolicy) string {
	return policy.Namespace + "/" + policy.Name
}

// add gives a policy's guards to the pods that it selects.
func (c *compiler) add(policy *networkingv1.NetworkPolicy, pods []guarded) {
	var selected []int
	selector := c.selector(policy, &policy.Spec.PodSelector, labels.Everything())
	for i, pod := range c.members {
		if pod.pod.Namespace == policy.Namespace && selector.Matches(labels.Set(pod.pod.Labels)) {
			selected = append(selected, i)
		}
	}
	for _, way := range policy.Spec.PolicyTypes {
		made := &guard{name: policyKey(policy)}
		switch way {
		case ingress:
			for _, rule := range policy.Spec.Ingress {
				peers := c.peers(policy, rule.From)
				made.allows = append(made.allows, c.allowances(policy, peers, rule.Ports, selected, ingress)...)
			}
		case egress:
			for _, rule := range policy.Spec.Egress {
				peers := c.peers(policy, rule.To)
				made.allows = append(made.allows, c.allowances(policy, peers, rule.Ports, nil, egress)...)
			}
		default:
			c.complain(policy, "policyTypes has %q: it knows Ingress and Egress", way)
			continue
		}
		c.charge(policy, made)
		for _, i := range selected {
			pods[i].guards[way] = append(pods[i].guards[way], made)
		}
	}
}

func (c *compiler) complain(subject Subject, format string, words ...any) {
	problem := Problem{subject, fmt.Sprintf(format, words...)}
	if !slices.Contains(c.problems, problem) {
		c.problems = append(c.problems, problem)
	}
}

// charge empties a guard that is larger than a policy, or a namespace, may be.
func (c *compiler) charge(policy *networkingv1.NetworkPolicy, made *guard) {
	size := 0
	for _, allow := range made.allows {
		size += 1 + len(allow.peers) + len(allow.ports) + len(allow.doors)
	}
	if size > policyLimit {
		c.complain(policy, "it names %d addresses and ports, and %d are allowed: "+
			"it lets nothing through until it is smaller", size, policyLimit)
		made.allows = nil
		return
	}
	if c.spent[policy.Namespace]+size > namespaceLimit {
		c.complain(policy, "with it the policies of the namespace name more than %d addresses and "+
			"ports: it lets nothing through until they are fewer", namespaceLimit)
		made.allows = nil
		return
	}
	c.spent[policy.Namespace] += size
}

// selector reads a selector; otherwise stands for one that cannot be read.
func (c *compiler) selector(
	policy *networkingv1.NetworkPolicy, selector *metav1.LabelSelector, otherwise labels.Selector,
) labels.Selector {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		c.complain(policy, "a selector cannot be read: %v", err)
		return otherwise
	}
	return compiled
}

// peers are the addresses of a rule's peers; nil where it names none, which
// means anybody.
func (c *compiler) peers(
	policy *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer,
) spans {
	if len(peers) == 0 {
		return nil
	}
	var found []span
	for _, peer := range peers {
		if peer.IPBlock != nil {
			block, err := parseBlock(peer.IPBlock)
			if err != nil {
				c.complain(policy, "ipBlock: %v; it lets nothing through until then", err)
			}
			found = append(found, block...)
			continue
		}
		meant := c.meant(policy, peer)
		for _, pod := range c.members {
			if meant(pod.pod) {
				found = append(found, one(pod.address))
			}
		}
	}
	return merged(found...)
}

// meant returns what tells whether a peer's selectors mean a pod.
func (c *compiler) meant(
	policy *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer,
) func(*corev1.Pod) bool {
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return func(*corev1.Pod) bool { return false }
	}
	pods := labels.Everything()
	if peer.PodSelector != nil {
		pods = c.selector(policy, peer.PodSelector, labels.Nothing())
	}
	if peer.NamespaceSelector == nil {
		return func(pod *corev1.Pod) bool {
			return pod.Namespace == policy.Namespace && pods.Matches(labels.Set(pod.Labels))
		}
	}
	namespaces := c.selector(policy, peer.NamespaceSelector, labels.Nothing())
	return func(pod *corev1.Pod) bool {
		namespace, there := c.namespaces[pod.Namespace]
		return there && namespaces.Matches(namespace) && pods.Matches(labels.Set(pod.Labels))
	}
}

// allowances joins a rule's peers with its ports. A named port is looked up in
// the pods that serve: the selected ones on ingress, the peers on egress.
func (c *compiler) allowances(
	policy *networkingv1.NetworkPolicy, peers spans, ports []networkingv1.NetworkPolicyPort,
	selected []int, way direction,
) []allowance {
	if len(ports) == 0 {
		return []allowance{{peers: peers}}
	}
	var servers []member
	if way == ingress {
		for _, i := range selected {
			servers = append(servers, c.members[i])
		}
	} else {
		for _, pod := range c.members {
			if peers == nil || peers.has(pod.address) {
				servers = append(servers, pod)
			}
		}
	}
	numbers := map[corev1.Protocol][]span{}
	doors := map[corev1.Protocol][]door{}
	whole := map[corev1.Protocol]bool{}
	for _, port := range ports {
		protocol := corev1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		switch {
		case protocolNumber[protocol] == 0:
			c.complain(policy, "protocol %q is not known: it knows TCP, UDP and SCTP", protocol)
		case port.Port == nil:
			whole[protocol] = true
		case port.Port.Type == intstr.String:
			doors[protocol] = append(doors[protocol], namedDoors(servers, port.Port.StrVal, protocol)...)
		default:
			if wanted, err := portSpan(port); err != nil {
				c.complain(policy, "%v", err)
			} else {
				numbers[protocol] = append(numbers[protocol], wanted)
			}
		}
	}
	var made []allowance
	for _, protocol := range protocols {
		if whole[protocol] {
			made = append(made, allowance{peers: peers, protocol: protocol})
			continue
		}
		if some := numbers[protocol]; len(some) > 0 {
			made = append(made, allowance{peers: peers, protocol: protocol, ports: merged(some...)})
		}
		if some := doors[protocol]; len(some) > 0 {
			made = append(made, allowance{peers: peers, protocol: protocol, doors: distinct(some)})
		}
	}
	return made
}

func portSpan(port networkingv1.NetworkPolicyPort) (span, error) {
	first, last := port.Port.IntVal, port.Port.IntVal
	if port.EndPort != nil {
		last = *port.EndPort
	}
	if first < 1 || last > 65535 || first > last {
		return span{}, fmt.Errorf("ports %d to %d are no range within 1 to 65535", first, last)
	}
	return span{uint32(first), uint32(last)}, nil
}

// namedDoors are the ports of that name, which each server chooses itself.
func namedDoors(servers []member, name string, protocol corev1.Protocol) []door {
	var found []door
	for _, server := range servers {
		containers := slices.Clone(server.pod.Spec.Containers)
		for _, container := range server.pod.Spec.InitContainers {
			// One that goes on running beside the others serves as they do.
			if policy := container.RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
				containers = append(containers, container)
			}
		}
		for _, container := range containers {
			for _, port := range container.Ports {
				kind := port.Protocol
				if kind == "" {
					kind = corev1.ProtocolTCP
				}
				if port.Name == name && kind == protocol && port.ContainerPort > 0 {
					found = append(found, door{server.address, uint32(port.ContainerPort)})
				}
			}
		}
	}
	return found
}

func distinct(doors []door) []door {
	sort.Slice(doors, func(i, j int) bool {
		return doors[i].address < doors[j].address ||
			doors[i].address == doors[j].address && doors[i].port < doors[j].port
	})
	return slices.Compact(doors)
}
