package portal

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Brand is the host's look. The zero value is a neutral one. Everything follows from these few tokens, in the light and in the
// dark look, which the browser chooses.
type Brand struct {
	// Name is what the product is called. Empty means "this application".
	Name string
	// HomeURL is where the name and the logo lead. Empty means nowhere.
	HomeURL string
	// LogoURL is a picture for the header, at an https address or a path of the host's own. Empty shows the name alone.
	LogoURL string
	// Accent is the colour of buttons and links as #rrggbb, AccentDark the one on a dark ground. Empty means a blue. New refuses
	// one that can't be read on its ground (WCAG 2.2, 1.4.3: at least 4.5 to 1).
	Accent, AccentDark string
	// Font is a CSS font-family list, such as `Inter, sans-serif`, of fonts that the visitor's system has: the pages load none.
	// Empty means the system's own.
	Font string
	// Radius is how round corners are, in pixels from 0 to 24. Nil means 8.
	Radius *int
}

const (
	lightGround = "#ffffff"
	darkGround  = "#13171f"
)

var (
	hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	fontList  = regexp.MustCompile(`^[\pL\pN ,'"_-]{1,200}$`)
)

func (b Brand) checked() (Brand, error) {
	if b.Name == "" {
		b.Name = "this application"
	}
	if b.Accent == "" {
		b.Accent = "#1d4ed8"
	}
	if b.AccentDark == "" {
		b.AccentDark = "#8fb4ff"
	}
	for _, c := range []struct{ field, colour, ground string }{{"Accent", b.Accent, lightGround}, {"AccentDark", b.AccentDark, darkGround}} {
		if !hexColour.MatchString(c.colour) {
			return b, fmt.Errorf("portal: Brand.%s: expected a colour such as #1d4ed8, got %q", c.field, c.colour)
		}
		if got := contrast(c.colour, c.ground); got < 4.5 {
			return b, fmt.Errorf("portal: Brand.%s: %s on %s has a contrast of %.1f to 1; at least 4.5 is needed to be read", c.field, c.colour, c.ground, got)
		}
	}
	if b.Font != "" && !fontList.MatchString(b.Font) {
		return b, fmt.Errorf("portal: Brand.Font: expected a list of font families, got %q", b.Font)
	}
	if b.Radius == nil {
		b.Radius = new(8)
	}
	if *b.Radius < 0 || *b.Radius > 24 {
		return b, fmt.Errorf("portal: Brand.Radius: expected 0 to 24 pixels, got %d", *b.Radius)
	}
	for field, raw := range map[string]string{"HomeURL": b.HomeURL, "LogoURL": b.LogoURL} {
		u, err := url.Parse(raw)
		own := err == nil && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(raw, "//")
		if raw != "" && !own && (err != nil || u.Host == "" || u.Scheme != "https" || u.User != nil || strings.ContainsAny(raw, " ;,'\"")) {
			return b, fmt.Errorf("portal: Brand.%s: expected an https address or a path, got %q", field, raw)
		}
	}
	return b, nil
}

func (b Brand) logoOrigin() string {
	u, err := url.Parse(b.LogoURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// tokens are the CSS variables of the brand.
func (b Brand) tokens() string {
	var s strings.Builder
	look := func(accent string) {
		fmt.Fprintf(&s, "--accent:%s;--on-accent:%s;", accent, readable(accent))
	}
	s.WriteString(":root{")
	look(b.Accent)
	fmt.Fprintf(&s, "--radius:%dpx;", *b.Radius)
	if b.Font != "" {
		fmt.Fprintf(&s, "--font:%s;", b.Font)
	}
	s.WriteString("}@media(prefers-color-scheme:dark){:root{")
	look(b.AccentDark)
	s.WriteString("}}")
	return s.String()
}

// readable is black or white, whichever can be read better on the colour.
func readable(colour string) string {
	if contrast(colour, "#ffffff") >= contrast(colour, "#0b0e14") {
		return "#ffffff"
	}
	return "#0b0e14"
}

// contrast is the contrast ratio of two colours (WCAG 2.2, "contrast ratio").
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(colour string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return 0 // not a colour, which checked refuses
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
