package fetch

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxElements is how many elements a page may have: finding the article takes
// more than linear time.
const maxElements = 20_000

// htmlText returns the title of a page and its text: the article, where there is
// one, else all text.
func htmlText(r io.Reader, address *url.URL) (title, text string, err error) {
	// The libraries read what anybody wrote. A panic of theirs costs this page,
	// and not the server.
	defer func() {
		if p := recover(); p != nil {
			title, text, err = "", "", fmt.Errorf("panic: %v", p)
		}
	}()
	document, err := html.Parse(r)
	if err != nil {
		return "", "", err
	}
	all := tidy(allText(document))
	parser := readability.NewParser()
	parser.MaxElemsToParse = maxElements
	article, err := parser.ParseAndMutate(document, address)
	if err != nil {
		return "", all, nil // a page without an article has text all the same
	}
	var b strings.Builder
	if article.Node != nil {
		if err := article.RenderText(&b); err != nil {
			return "", "", err
		}
	}
	title = strings.Join(strings.Fields(article.Title()), " ")
	text = tidy(b.String())
	// Home pages are no articles: what is found in them is a small part.
	if len(text) < 500 && len(all) > 2*len(text) {
		text = all
	}
	return title, text, nil
}

// allText returns the text that a page shows, a line for each block.
func allText(document *html.Node) string {
	var b strings.Builder
	var walk func(n *html.Node) // at most 512 deep: html.Parse refuses more
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case isHidden(n.DataAtom):
			return
		case n.Type == html.ElementNode && isBlock(n.DataAtom):
			b.WriteByte('\n')
			defer b.WriteByte('\n')
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(document)
	return b.String()
}

// isHidden tells elements whose text a page does not show.
func isHidden(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Head, atom.Iframe, atom.Textarea, atom.Select:
		return true
	}
	return false
}

func isBlock(a atom.Atom) bool {
	switch a {
	case atom.A, atom.B, atom.Em, atom.I, atom.Span, atom.Strong, atom.Code, atom.Small, atom.Sub, atom.Sup, atom.U, atom.Mark, atom.Abbr, atom.Time:
		return false
	}
	return true
}

// tidy joins spaces, and leaves at most one empty line.
func tidy(s string) string {
	var b strings.Builder
	empty := 0
	for line := range strings.Lines(strings.ToValidUTF8(s, "�")) {
		line = strings.Join(strings.FieldsFunc(line, isSpace), " ")
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if empty > 0 {
				b.WriteByte('\n')
			}
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}

// isSpace tells spaces and control characters.
func isSpace(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 || r == 0x200b || r == 0xfeff }
