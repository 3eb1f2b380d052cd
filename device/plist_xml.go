package device

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// xmlPlist reads the XML form (Apple's PropertyList-1.0 DTD).
type xmlPlist struct {
	dec *xml.Decoder
	budget
}

func parseXMLPlist(data []byte) (any, error) {
	p := &xmlPlist{dec: xml.NewDecoder(bytes.NewReader(data))}
	p.dec.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the encoding %q is not read; save the file as UTF-8", charset)
	}
	root, err := p.next()
	if err != nil {
		return nil, p.wrap(err)
	}
	if root == nil || root.Name.Local != "plist" {
		return nil, fmt.Errorf("%w: the outermost element must be <plist>", errPlist)
	}
	first, err := p.next()
	if err != nil {
		return nil, p.wrap(err)
	}
	if first == nil {
		return nil, fmt.Errorf("%w: <plist> is empty", errPlist)
	}
	value, err := p.value(first, 0)
	if err != nil {
		return nil, p.wrap(err)
	}
	switch extra, err := p.next(); {
	case err != nil:
		return nil, p.wrap(err)
	case extra != nil:
		return nil, fmt.Errorf("%w: <plist> holds more than one value", errPlist)
	}
	// Whatever follows </plist> is read too, so that a file that was cut or joined wrongly is noticed.
	switch extra, err := p.next(); {
	case errors.Is(err, io.EOF):
		return value, nil
	case err != nil:
		return nil, p.wrap(err)
	default:
		return nil, fmt.Errorf("%w: unexpected <%s> after </plist>", errPlist, extra.Name.Local)
	}
}

func (p *xmlPlist) wrap(err error) error {
	if errors.Is(err, errPlist) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	line, _ := p.dec.InputPos()
	return fmt.Errorf("%w: line %d: %w", errPlist, line, err)
}

// next returns the next start element, or nil at the end of the surrounding one. Text between elements must be blank.
func (p *xmlPlist) next() (*xml.StartElement, error) {
	for {
		token, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return &t, nil
		case xml.EndElement:
			return nil, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, fmt.Errorf("text %.20q outside of a value", string(t))
			}
		case xml.Directive:
			// An internal DTD subset can declare entities; property lists need none.
			if bytes.ContainsRune(t, '[') {
				return nil, errors.New("document type declarations with their own entities are refused")
			}
		}
	}
}

func (p *xmlPlist) value(start *xml.StartElement, depth int) (any, error) {
	if err := p.enter(depth); err != nil {
		return nil, err
	}
	switch start.Name.Local {
	case "dict":
		return p.dict(depth)
	case "array":
		return p.array(depth)
	}
	text, err := p.text(start.Name.Local)
	if err != nil {
		return nil, err
	}
	switch start.Name.Local {
	case "string":
		return text, nil
	case "true", "false":
		return start.Name.Local == "true", nil
	case "integer":
		return strconv.ParseInt(strings.TrimSpace(text), 0, 64)
	case "real":
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	case "date":
		return time.Parse(time.RFC3339, strings.TrimSpace(text))
	case "data":
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	}
	return nil, fmt.Errorf("<%s> is not a property list element", start.Name.Local)
}

func (p *xmlPlist) dict(depth int) (any, error) {
	dict := map[string]any{}
	for {
		start, err := p.next()
		if err != nil || start == nil {
			return dict, err
		}
		if start.Name.Local != "key" {
			return nil, fmt.Errorf("<%s> in a <dict> where a <key> is expected", start.Name.Local)
		}
		key, err := p.text("key")
		if err != nil {
			return nil, err
		}
		start, err = p.next()
		if err != nil {
			return nil, err
		}
		if start == nil {
			return nil, fmt.Errorf("the key %q has no value", key)
		}
		value, err := p.value(start, depth+1)
		if err != nil {
			return nil, err
		}
		if _, twice := dict[key]; twice {
			return nil, fmt.Errorf("the key %q appears twice; keep one", key)
		}
		dict[key] = value
	}
}

func (p *xmlPlist) array(depth int) (any, error) {
	array := []any{}
	for {
		start, err := p.next()
		if err != nil || start == nil {
			return array, err
		}
		value, err := p.value(start, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
}

// text returns the character data up to the end of the element; child elements are refused.
func (p *xmlPlist) text(element string) (string, error) {
	var text strings.Builder
	for {
		token, err := p.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			return text.String(), nil
		case xml.StartElement:
			return "", fmt.Errorf("<%s> inside <%s>", t.Name.Local, element)
		}
	}
}
