// Package networkpolicy enforces NetworkPolicies on a node whose pods share a
// bridge. The rules are computed from scratch and handed to iptables-restore
// as one transaction, so they are complete at any moment.
package networkpolicy

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	// RootChain is where every forwarded packet enters.
	RootChain = "KUBE-NWPLCY"
	// chainPrefix begins the names of all other chains of ours.
	chainPrefix = "KUBE-NP-"
	// mark says, within one pod's chain, that an ipBlock with exceptions
	// matched. kube-proxy uses 0x4000 and 0x8000.
	mark = "0x20000/0x20000"
)

// State is what the rules are made from.
type State struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
}

// chain is one iptables chain with its rules.
type chain struct {
	name  string
	rules []string
}

// builder collects chains for one state.
type builder struct {
	state      State
	namespaces map[string]labels.Set
	chains     []chain
}

// Rules returns the chains and rules of the filter table that enforce the
// policies, in iptables-restore's language, and the names of the chains.
func Rules(state State) (string, []string) {
	b := &builder{state: state, namespaces: map[string]labels.Set{}}
	for _, namespace := range state.Namespaces {
		b.namespaces[namespace.Name] = labels.Set(namespace.Labels)
	}
	pods := append([]*corev1.Pod(nil), state.Pods...)
	sort.Slice(pods, func(i, j int) bool { return key(pods[i]) < key(pods[j]) })
	root := chain{name: RootChain, rules: []string{
		// Replies belong to a connection that was allowed when it began.
		"-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
	}}
	for _, pod := range pods {
		if !governed(pod) {
			continue
		}
		if ingress := b.policiesFor(pod, networkingv1.PolicyTypeIngress); len(ingress) > 0 {
			name := b.podChain(pod, ingress, networkingv1.PolicyTypeIngress)
			root.rules = append(root.rules, fmt.Sprintf("-d %s/32 -j %s", pod.Status.PodIP, name))
		}
		if egress := b.policiesFor(pod, networkingv1.PolicyTypeEgress); len(egress) > 0 {
			name := b.podChain(pod, egress, networkingv1.PolicyTypeEgress)
			root.rules = append(root.rules, fmt.Sprintf("-s %s/32 -j %s", pod.Status.PodIP, name))
		}
	}
	return render(append([]chain{root}, b.chains...))
}

// governed tells whether policies apply to a pod: it must have an address of
// its own, and not have ended, since its address may be another pod's by then.
func governed(pod *corev1.Pod) bool {
	return !pod.Spec.HostNetwork && pod.Status.PodIP != "" &&
		!strings.Contains(pod.Status.PodIP, ":") &&
		pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

func key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

// policiesFor returns the policies of one direction that select the pod.
func (b *builder) policiesFor(
	pod *corev1.Pod, direction networkingv1.PolicyType,
) []*networkingv1.NetworkPolicy {
	var selected []*networkingv1.NetworkPolicy
	for _, policy := range b.state.Policies {
		if policy.Namespace == pod.Namespace && hasDirection(policy, direction) &&
			selects(&policy.Spec.PodSelector, labels.Set(pod.Labels)) {
			selected = append(selected, policy)
		}
	}
	sort.Slice(selected, func(i, j int) bool { return selected[i].Name < selected[j].Name })
	return selected
}

func hasDirection(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) bool {
	for _, kind := range policy.Spec.PolicyTypes {
		if kind == direction {
			return true
		}
	}
	return false
}

func selects(selector *metav1.LabelSelector, set labels.Set) bool {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	// The API server refuses a selector that does not parse.
	return err == nil && compiled.Matches(set)
}

// podChain adds the chain that lets through what any of the policies allows
// for this pod and drops the rest.
func (b *builder) podChain(
	pod *corev1.Pod, policies []*networkingv1.NetworkPolicy, direction networkingv1.PolicyType,
) string {
	name := chainName(string(direction), key(pod))
	own := pod.Status.PodIP + "/32"
	c := chain{name: name, rules: []string{
		// A pod may always reach itself, by its Service too.
		fmt.Sprintf("-s %s -d %s -j RETURN", own, own),
	}}
	for _, policy := range policies {
		if direction == networkingv1.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				c.rules = append(c.rules, b.ingressRules(pod, policy, rule)...)
			}
		} else {
			for _, rule := range policy.Spec.Egress {
				c.rules = append(c.rules, b.egressRules(policy, rule)...)
			}
		}
	}
	c.rules = append(c.rules, "-j REJECT --reject-with icmp-admin-prohibited")
	b.chains = append(b.chains, c)
	return name
}

// ingressRules allows one ingress rule's peers on its ports of the pod.
func (b *builder) ingressRules(
	pod *corev1.Pod, policy *networkingv1.NetworkPolicy, rule networkingv1.NetworkPolicyIngressRule,
) []string {
	var rules []string
	for _, ports := range portMatches(rule.Ports, pod) {
		if len(rule.From) == 0 {
			rules = append(rules, join(ports, "-j RETURN"))
		}
		for _, peer := range rule.From {
			for _, other := range b.peerPods(policy, peer) {
				rules = append(rules, join("-s "+other.Status.PodIP+"/32", ports, "-j RETURN"))
			}
			rules = append(rules, b.blockRules("-s", peer.IPBlock, ports)...)
		}
	}
	return rules
}

// egressRules allows one egress rule's peers on its ports; a named port is
// the peer's, so it is looked up in each.
func (b *builder) egressRules(
	policy *networkingv1.NetworkPolicy, rule networkingv1.NetworkPolicyEgressRule,
) []string {
	var rules []string
	if len(rule.To) == 0 {
		for _, ports := range portMatches(rule.Ports, nil) {
			rules = append(rules, join(ports, "-j RETURN"))
		}
	}
	for _, peer := range rule.To {
		for _, other := range b.peerPods(policy, peer) {
			for _, ports := range portMatches(rule.Ports, other) {
				rules = append(rules, join("-d "+other.Status.PodIP+"/32", ports, "-j RETURN"))
			}
		}
		for _, ports := range portMatches(rule.Ports, nil) {
			rules = append(rules, b.blockRules("-d", peer.IPBlock, ports)...)
		}
	}
	return rules
}

// peerPods returns the pods that a peer's selectors mean.
func (b *builder) peerPods(
	policy *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer,
) []*corev1.Pod {
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return nil
	}
	var found []*corev1.Pod
	for _, pod := range b.state.Pods {
		if !governed(pod) {
			continue
		}
		if peer.NamespaceSelector == nil {
			if pod.Namespace != policy.Namespace {
				continue
			}
		} else if !selects(peer.NamespaceSelector, b.namespaces[pod.Namespace]) {
			continue
		}
		if peer.PodSelector != nil && !selects(peer.PodSelector, labels.Set(pod.Labels)) {
			continue
		}
		found = append(found, pod)
	}
	sort.Slice(found, func(i, j int) bool { return key(found[i]) < key(found[j]) })
	return found
}

// blockRules allows an ipBlock; exceptions take a chain of their own, which
// marks what is in the block and in none of them.
func (b *builder) blockRules(side string, block *networkingv1.IPBlock, ports string) []string {
	if block == nil || strings.Contains(block.CIDR, ":") {
		return nil
	}
	if len(block.Except) == 0 {
		return []string{join(side+" "+block.CIDR, ports, "-j RETURN")}
	}
	name := chainName("block"+side, block.CIDR+" "+strings.Join(block.Except, " "))
	if !b.has(name) {
		c := chain{name: name, rules: []string{"-j MARK --set-xmark 0x0/0x20000"}}
		for _, except := range block.Except {
			c.rules = append(c.rules, fmt.Sprintf("%s %s -j RETURN", side, except))
		}
		c.rules = append(c.rules, "-j MARK --set-xmark "+mark)
		b.chains = append(b.chains, c)
	}
	return []string{
		"-j MARK --set-xmark 0x0/0x20000",
		join(side+" "+block.CIDR, ports, "-j "+name),
		"-m mark --mark " + mark + " -j RETURN",
	}
}

func (b *builder) has(name string) bool {
	for _, c := range b.chains {
		if c.name == name {
			return true
		}
	}
	return false
}

// portMatches returns one match for each port, or one that matches all. A
// named port that the pod does not have matches nothing.
func portMatches(ports []networkingv1.NetworkPolicyPort, pod *corev1.Pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var matches []string
	for _, port := range ports {
		protocol := corev1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		match := "-p " + strings.ToLower(string(protocol))
		switch {
		case port.Port == nil:
			matches = append(matches, match)
		case port.Port.Type == intstr.Int && port.EndPort != nil:
			matches = append(matches,
				fmt.Sprintf("%s --dport %d:%d", match, port.Port.IntVal, *port.EndPort))
		case port.Port.Type == intstr.Int:
			matches = append(matches, fmt.Sprintf("%s --dport %d", match, port.Port.IntVal))
		default:
			for _, number := range namedPorts(pod, port.Port.StrVal, protocol) {
				matches = append(matches, fmt.Sprintf("%s --dport %d", match, number))
			}
		}
	}
	return matches
}

func namedPorts(pod *corev1.Pod, name string, protocol corev1.Protocol) []int32 {
	if pod == nil {
		return nil
	}
	var numbers []int32
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			kind := port.Protocol
			if kind == "" {
				kind = corev1.ProtocolTCP
			}
			if port.Name == name && kind == protocol {
				numbers = append(numbers, port.ContainerPort)
			}
		}
	}
	return numbers
}

// chainName is short enough for iptables and the same for the same subject.
func chainName(kind, subject string) string {
	sum := sha256.Sum256([]byte(kind + " " + subject))
	return chainPrefix + base32.StdEncoding.EncodeToString(sum[:])[:16]
}

func join(words ...string) string {
	kept := words[:0]
	for _, word := range words {
		if word != "" {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

// render writes the chains down; naming a chain empties it, so what is
// written replaces what was there.
func render(chains []chain) (string, []string) {
	var text strings.Builder
	names := make([]string, 0, len(chains))
	for _, c := range chains {
		names = append(names, c.name)
		fmt.Fprintf(&text, ":%s - [0:0]\n", c.name)
	}
	for _, c := range chains {
		for _, rule := range c.rules {
			fmt.Fprintf(&text, "-A %s %s\n", c.name, rule)
		}
	}
	return text.String(), names
}
