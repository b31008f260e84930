package alerts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Full-text search knows words: runs of letters, marks and digits, in lower case. Where . : - _ / @
// join them, as in addresses and host names, the whole is one word and its parts are words as well.
// The index and the search in memory both use this file, so that they find the same.

// maxWord is how much of a word counts, in bytes.
const maxWord = 64

func isJoiner(r rune) bool { return strings.ContainsRune(".:-_/@", r) }

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd)
}

// eachWord calls f for each word of s until it returns false, and reports whether it came to the end.
func eachWord(s string, f func(string) bool) bool {
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return !isWordRune(r) && !isJoiner(r) }) {
		if run = strings.TrimFunc(run, isJoiner); run == "" {
			continue
		}
		if !f(foldWord(run)) {
			return false
		}
		if strings.IndexFunc(run, isJoiner) < 0 {
			continue
		}
		for part := range strings.FieldsFuncSeq(run, isJoiner) {
			if !f(foldWord(part)) {
				return false
			}
		}
	}
	return true
}

// foldWord is w in lower case, cut to maxWord at a rune's end.
func foldWord(w string) string {
	w = strings.ToLower(w)
	if len(w) <= maxWord {
		return w
	}
	end := maxWord
	for end > 0 && !utf8.RuneStart(w[end]) {
		end--
	}
	return w[:end]
}

// A queryWord is one that a search text asks for. With a * after it, it is the beginning of a word.
type queryWord struct {
	text   string
	prefix bool
}

func (q *queryWord) is(word string) bool {
	return word == q.text || q.prefix && strings.HasPrefix(word, q.text)
}

// queryWords are the words that a search text asks for.
func queryWords(s string) []queryWord {
	if len(s) > MaxShort {
		return nil
	}
	var list []queryWord
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return !isWordRune(r) && !isJoiner(r) && r != '*' }) {
		for part := range strings.SplitAfterSeq(run, "*") {
			text, prefix := strings.CutSuffix(part, "*")
			if text = strings.TrimFunc(text, isJoiner); text != "" {
				list = append(list, queryWord{foldWord(text), prefix})
			}
		}
	}
	return list
}

// hasWords reports whether each word is one of a's description or JSON. No word finds nothing.
func hasWords(words []queryWord, a *Alert) bool {
	if len(words) == 0 {
		return false
	}
	found, missing := make([]bool, len(words)), len(words)
	look := func(w string) bool {
		for i := range words {
			if !found[i] && words[i].is(w) {
				found[i] = true
				missing--
			}
		}
		return missing > 0
	}
	return !eachWord(a.Description, look) || !eachWord(a.JSON, look)
}

// indexText is what the full-text index gets of a: each of its words once.
func indexText(a *Alert) string {
	var out strings.Builder
	seen := map[string]bool{}
	add := func(w string) bool {
		if !seen[w] {
			seen[w] = true
			out.WriteString(w)
			out.WriteByte(' ')
		}
		return true
	}
	eachWord(a.Description, add)
	eachWord(a.JSON, add)
	return out.String()
}

// matchQuery is the words as a query of the full-text index, each quoted. A word holds no quote.
func matchQuery(words []queryWord) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + w.text + `"`
		if w.prefix {
			quoted[i] += "*"
		}
	}
	return strings.Join(quoted, " AND ")
}
