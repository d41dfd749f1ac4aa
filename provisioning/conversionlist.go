package provisioning

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxConversionList bounds an uploaded list, in bytes.
const maxConversionList = 1 << 20

// ConversionListError says why an uploaded list cannot be read.
type ConversionListError struct {
	// Line counts from 1; zero means the list as a whole.
	Line    int
	Message string
}

// Error names the line.
func (e *ConversionListError) Error() string {
	if e.Line == 0 {
		return "provisioning: the list: " + e.Message
	}
	return fmt.Sprintf("provisioning: line %d of the list: %s", e.Line, e.Message)
}

// ReadConversionList reads the accounts out of a text or CSV file that a person uploads, for
// [Conversion].Entries. Of each line it takes the e-mail addresses, wherever they stand and
// whatever separates them: comma, semicolon, tab, bar or space, in quotes or in angle brackets.
// A line of one word without @ is an account's ID; the first line may name the columns. Empty
// lines and lines that begin with # are left out. Duplicates stay: the preview tells of them.
//
// The list is UTF-8 of at most 1 MiB and 1,000 accounts. The error is a
// [ConversionListError], or matches [ErrTooManyConversions].
func ReadConversionList(r io.Reader) ([]string, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxConversionList+1))
	if err != nil {
		return nil, fmt.Errorf("provisioning: reading the list: %w", err)
	}
	if len(body) > maxConversionList {
		return nil, &ConversionListError{Message: fmt.Sprintf("expected at most %d bytes", maxConversionList)}
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return nil, &ConversionListError{Message: "expected text in UTF-8; save the file as “CSV UTF-8”"}
	}
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(body, []byte("\r"), []byte("\n"))))
	lines.Buffer(nil, maxConversionList+1)
	n, first := 0, true
	// A return before a line feed makes an empty line, which counts for nothing but the number.
	crlf := bytes.Contains(body, []byte("\r\n"))
	for lines.Scan() {
		n++
		found, err := entriesOf(lines.Text(), first)
		if err != nil {
			err.Line = n
			if crlf {
				err.Line = (n + 1) / 2
			}
			return nil, err
		}
		first = first && strings.TrimSpace(lines.Text()) == ""
		if out = append(out, found...); len(out) > maxConversion {
			return nil, ErrTooManyConversions
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("provisioning: reading the list: %w", err)
	}
	return out, nil
}

// separators are all that may stand between two fields.
func separators(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|\"'<>", r) }

func entriesOf(line string, header bool) ([]string, *ConversionListError) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return nil, nil
	}
	fields := strings.FieldsFunc(line, separators)
	var out []string
	for _, f := range fields {
		f = strings.TrimPrefix(f, "mailto:")
		if !strings.Contains(f, "@") {
			continue
		}
		if emailDomain(f) == "" || len(f) > maxEntry {
			return nil, &ConversionListError{Message: fmt.Sprintf("expected an e-mail address, got %q", clip(f))}
		}
		out = append(out, f)
	}
	switch {
	case len(out) > 0:
		return out, nil
	case header && columnNames(fields):
		return nil, nil
	case len(fields) == 1 && len(fields[0]) <= maxEntry && !strings.ContainsFunc(fields[0], unicode.IsControl):
		return fields, nil
	case len(fields) == 0:
		return nil, nil
	}
	return nil, &ConversionListError{Message: fmt.Sprintf("expected an e-mail address or an account's ID, got %q", clip(line))}
}

// columnNames says whether a line names columns, one of which holds accounts.
func columnNames(fields []string) bool {
	for _, f := range fields {
		switch strings.ToLower(f) {
		case "email", "e-mail", "mail", "emailaddress", "email_address", "e-mailadresse", "username", "user", "id", "account":
			return true
		}
	}
	return false
}
