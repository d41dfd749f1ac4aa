package filtertest

// shrink makes a filter smaller as long as it fails in the same way.
func shrink(n *node, fails func(*node) bool) *node {
	for {
		smaller := firstFailing(n, fails)
		if smaller == nil {
			return n
		}
		n = smaller
	}
}

func firstFailing(n *node, fails func(*node) bool) *node {
	for _, s := range n.smaller() {
		if fails(s) {
			return s
		}
	}
	return nil
}

// smaller lists what is left of a filter when one thing of it is left out.
// The inside of brackets stays there.
func (n *node) smaller() (out []*node) {
	if n.kind != brackets {
		out = append(out, n.terms...)
	}
	if len(n.terms) > 2 {
		for i := range n.terms {
			out = append(out, n.with(func(c *node) { c.terms = append(c.terms[:i:i], c.terms[i+1:]...) }))
		}
	}
	if n.behind != nil {
		out = append(out, n.with(func(c *node) { c.behind = nil }))
	}
	if n.parens {
		out = append(out, n.with(func(c *node) { c.parens = false }))
	}
	for i, t := range n.terms {
		for _, s := range t.smaller() {
			out = append(out, n.with(func(c *node) { c.terms[i] = s }))
		}
	}
	plain := n.with(func(c *node) {
		if c.path.attr != nil {
			c.name = c.path.name()
		}
		c.word = plainWord(c)
		if c.value != nil {
			c.literal = quote(c.value)
		}
	})
	if plain.name != n.name || plain.word != n.word || plain.literal != n.literal {
		out = append(out, plain)
	}
	return out
}

func plainWord(n *node) string {
	switch n.kind {
	case all:
		return "and"
	case some:
		return "or"
	case negation:
		return "not "
	case brackets:
		return ""
	}
	return n.op
}

// with returns a changed copy.
func (n *node) with(change func(*node)) *node {
	c := *n
	c.terms = append([]*node(nil), n.terms...)
	change(&c)
	return &c
}
