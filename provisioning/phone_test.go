package provisioning

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePhone(t *testing.T) {
	tests := []struct {
		text, code, want, ext string
	}{
		{"+49 (0)30 123456", "", "+4930123456", ""},
		{"+49 30 123456", "1", "+4930123456", ""},
		{"0049 30-123/456", "", "+4930123456", ""},
		{"0049(0)30 123456", "", "+4930123456", ""},
		{"030 123456", "49", "+4930123456", ""},
		{"(030) 123456", "49", "+4930123456", ""},
		{"(0)30 123456", "49", "+4930123456", ""},
		{"tel:+1-201-555-0123", "", "+12015550123", ""},
		{"TEL:+1-201-555-0123;ext=42", "", "+12015550123", "42"},
		{"tel:555-0123;phone-context=+1-201", "", "+12015550123", ""},
		{"tel:+12015550123;isub=12345", "", "+12015550123", ""},
		{"+1 201 555 0123 ext. 42", "", "+12015550123", "42"},
		{"+1 201 555 0123 x42", "", "+12015550123", "42"},
		{"+1 201 555 0123 #42", "", "+12015550123", "42"},
		{"+1 201 555 0123 Extension 42", "", "+12015550123", "42"},
		{"(201) 555-0123", "1", "+12015550123", ""},
		{"1 201 555 0123", "1", "+12015550123", ""},
		{"011 49 30 123456", "1", "+4930123456", ""},
		{"8 (495) 123-45-67", "7", "+74951234567", ""},
		{"06 1 234 5678", "36", "+3612345678", ""},
		{"06 1234 5678", "39", "+390612345678", ""},
		{"＋４９ ３０ １２３４５６", "", "+4930123456", ""},
		{"\u200f+49\u00a030\u202f123456\u200e", "", "+4930123456", ""},
		{"+٤٩ ٣٠ ١٢٣٤٥٦", "", "+4930123456", ""},
		{"+49–30—123456", "", "+4930123456", ""},
		{"  +49.30.123456\n", "", "+4930123456", ""},
		{"+683 4000", "", "+6834000", ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParsePhone(tt.text, tt.code)
			require.NoError(t, err)
			require.Equal(t, Phone{Number: tt.want, Extension: tt.ext}, got)
		})
	}
}

func TestParsePhoneRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "+", "n/a", "unknown", "030 123456", "+0 30 123456", "0000000000", "112", "+112",
		"+49 30 1234567890123", "1-800-FLOWERS", "+49 30 123456, +49 30 654321", "+49 30 123456 ext 123456789",
		"+49 30 123456 or 7", "++49 30 123456", "+49+30123456", "<script>", "+49 30 123456 x", "+1201555\x00123",
		"\xff+4930123456", strings.Repeat("1", 200), "+49\u202e30x", "ada@acme.example", "' OR 1=1 --",
	} {
		got, err := ParsePhone(text, "")
		if text == "+49 30 123456 x" { // nothing behind the mark
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrPhone, "%q", text)
		require.Zero(t, got)
		require.LessOrEqual(t, len(err.Error()), 200, "an error repeats no input")
	}
	for _, code := range []string{"+49", "0", "049", "4949", "x"} {
		_, err := ParsePhone("+4930123456", code)
		require.ErrorContains(t, err, "code of a country", "%q", code)
		require.NotErrorIs(t, err, ErrPhone, "a fault of the host's, not of the number")
	}
}

// FuzzParsePhone reads whatever a directory sends: what comes out is a number that reads
// as itself, in any country.
func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+49 (0)30 123456", "tel:+1-201-555-0123;ext=42", "0049(0)(0)1", "＋４９３０１２３４５６", "(0)(0)30 12345", "\u200f+49;phone-context=+1", "8 495 123 45 67", "+1x#ext", "0(0)0301234567"} {
		f.Add(s, "49")
		f.Add(s, "")
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, text, code string) {
		p, err := ParsePhone(text, code)
		if err != nil {
			if p != (Phone{}) {
				t.Errorf("ParsePhone(%q, %q) = %+v with an error", text, code, p)
			}
			return
		}
		if digits, ok := strings.CutPrefix(p.Number, "+"); !ok || !onlyDigits(digits) || len(digits) < minPhone || len(digits) > maxPhone || digits[0] == '0' {
			t.Errorf("ParsePhone(%q, %q) = %q, which is no number", text, code, p.Number)
		}
		if p.Extension != "" && !onlyDigits(p.Extension) {
			t.Errorf("ParsePhone(%q, %q) has the extension %q", text, code, p.Extension)
		}
		for _, other := range []string{"", code, "1", "49"} {
			if again, err := ParsePhone(p.Number, other); err != nil || again.Number != p.Number {
				t.Errorf("ParsePhone(%q, %q) = %q, %v", p.Number, other, again.Number, err)
			}
		}
	})
}
