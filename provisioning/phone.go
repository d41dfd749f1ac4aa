package provisioning

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrPhone says that a text is no telephone number in a form that we understand.
var ErrPhone = errors.New("provisioning: not a telephone number")

const (
	maxPhoneText   = 128 // bytes
	minPhone       = 7   // digits with the country's code: there are such in small countries
	maxPhone       = 15  // ITU-T E.164 section 6.1
	maxExtension   = 8   // digits; what is longer is a second number
	maxCallingCode = 3   // ITU-T E.164 section 6.2.1
)

// Phone is a telephone number that can be called from anywhere.
type Phone struct {
	// Number is "+" and up to 15 digits (ITU-T E.164).
	Number string
	// Extension is what is dialled afterwards, digits alone; empty if there is none.
	Extension string
}

// ParsePhone reads a telephone number as people and directories write it: with spaces,
// brackets and dashes of any script, with "(0)", "00" or "tel:" (RFC 3966), an extension
// after "ext", "x", "#" or ";ext=", in full-width or Arabic digits, among marks that
// nobody sees. The error matches [ErrPhone].
//
// callingCode is the code of the country for numbers without one, digits alone, such as
// "49". If it is empty they are refused: a wrong guess would send a code to a stranger.
//
// It knows no country's numbering plan, so that a number may be read that nobody has.
// A number within the country loses one 0 in front, or what stands for it in countries 1, 7 and
// 36, and keeps it where the 0 is part of the number (39, 225, 241, 242, 378). "011" in front means
// abroad in country 1 alone. A 0 that follows the country's code outside of brackets is kept.
// Letters for digits are refused.
func ParsePhone(text, callingCode string) (Phone, error) {
	if err := checkCallingCode(callingCode); err != nil {
		return Phone{}, err
	}
	if len(text) > maxPhoneText || !utf8.ValidString(text) {
		return Phone{}, fmt.Errorf("%w: expected at most %d bytes of UTF-8, got %d", ErrPhone, maxPhoneText, len(text))
	}
	s := plainPhone(text)
	main, ext, err := cutExtension(s)
	if err != nil {
		return Phone{}, err
	}
	main, trunk := strings.ReplaceAll(main, "(0)", ""), strings.Contains(main, "(0)")
	main = strings.NewReplacer("(", "", ")", "").Replace(main)
	digits, abroad := strings.CutPrefix(main, "+")
	if !onlyDigits(digits) {
		return Phone{}, fmt.Errorf("%w: expected digits, with + or 00 in front for another country", ErrPhone)
	}
	if !abroad {
		digits, abroad = cutExit(digits, callingCode)
	}
	switch {
	case abroad:
	case callingCode == "":
		return Phone{}, fmt.Errorf("%w: expected the country's code in front, such as +49", ErrPhone)
	default:
		digits = callingCode + cutTrunk(digits, callingCode, trunk)
	}
	if len(digits) < minPhone || len(digits) > maxPhone || digits[0] == '0' {
		return Phone{}, fmt.Errorf("%w: expected %d to %d digits from the country's code on, got %d", ErrPhone, minPhone, maxPhone, len(digits))
	}
	return Phone{Number: "+" + digits, Extension: ext}, nil
}

func checkCallingCode(code string) error {
	if code != "" && (!onlyDigits(code) || len(code) > maxCallingCode || code[0] == '0') {
		return fmt.Errorf("provisioning: expected the code of a country, up to %d digits such as 49, got %q", maxCallingCode, code)
	}
	return nil
}

func onlyDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// plainPhone is the text in ASCII, without what stands between the digits, in lower case.
func plainPhone(text string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(text) {
		switch {
		case r >= '０' && r <= '９':
			b.WriteRune(r - '０' + '0')
		case r >= '٠' && r <= '٩':
			b.WriteRune(r - '٠' + '0')
		case r >= '۰' && r <= '۹':
			b.WriteRune(r - '۰' + '0')
		case r == '＋', r == '﹢':
			b.WriteByte('+')
		case r == '（', r == '[', r == '［':
			b.WriteByte('(')
		case r == '）', r == ']', r == '］':
			b.WriteByte(')')
		case r == '；':
			b.WriteByte(';')
		case r == '＃':
			b.WriteByte('#')
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Pd, r), r == '−', r == '.', r == '．', r == '·', r == '/':
			// separates groups of digits, or is not seen
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.TrimPrefix(b.String(), "tel:")
}

// cutExtension takes extension and parameters off. A number within a country whose
// context is a country's code becomes one with that code (RFC 3966 section 5.1.4).
func cutExtension(s string) (number, ext string, err error) {
	number, params, _ := strings.Cut(s, ";")
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		switch {
		case name == "ext":
			ext = value
		case name == "phonecontext" && strings.HasPrefix(value, "+") && !strings.HasPrefix(number, "+"):
			number = value + number
		}
	}
	for _, mark := range []string{"extension", "ext", "x", "#"} {
		if before, after, found := strings.Cut(number, mark); found {
			number, ext = before, after
			break
		}
	}
	if ext != "" && (!onlyDigits(ext) || len(ext) > maxExtension) {
		return "", "", fmt.Errorf("%w: expected an extension of up to %d digits", ErrPhone, maxExtension)
	}
	return number, ext, nil
}

// cutExit takes off what is dialled to call abroad.
func cutExit(digits, callingCode string) (rest string, abroad bool) {
	if callingCode == "1" {
		if rest, abroad = strings.CutPrefix(digits, "011"); abroad {
			return rest, true
		}
	}
	return strings.CutPrefix(digits, "00")
}

// zeroKept are countries in which the 0 in front is part of the number.
var zeroKept = []string{"39", "225", "241", "242", "378"}

// cutTrunk takes off what is dialled in front of a number within the country.
func cutTrunk(digits, callingCode string, done bool) string {
	switch {
	case done || slices.Contains(zeroKept, callingCode):
		return digits
	case callingCode == "1" && len(digits) == 11:
		return strings.TrimPrefix(digits, "1")
	case callingCode == "7" && len(digits) == 11:
		return strings.TrimPrefix(digits, "8")
	case callingCode == "36":
		return strings.TrimPrefix(digits, "06")
	}
	return strings.TrimPrefix(digits, "0")
}
