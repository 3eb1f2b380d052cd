package api

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// imageURLs are the addresses of a picture by vendor, imageFiles the files
// (spec/rest-api.md §8.6).
var (
	imageURLs  = []string{"image_url", "jiguang_image_url", "xiaomi_image_url", "huawei_image_url", "honor_image_url", "oppo_image_url", "fcm_image_url", "hmos_image_url"}
	imageFiles = []string{"oppo_file", "xiaomi_file", "huawei_file", "fcm_file", "jiguang_file"}
)

const (
	maxImageFile = 2 << 20 // bytes of one picture
	imagePrefix  = "jgmedia-"
)

// createImageByURLs is POST /v3/images/byurls. The pictures are for platforms
// that Aurora has no channel for yet: addresses are checked and kept, and
// nothing fetches them.
func (s *server) createImageByURLs(r *http.Request, app aurora.App) (any, error) {
	kind, urls, err := imageBody(r, true)
	if err != nil {
		return nil, err
	}
	return s.createImage(r, app, kind, urls)
}

// changeImageByURLs is PUT /v3/images/byurls/{id}.
func (s *server) changeImageByURLs(r *http.Request, app aurora.App) (any, error) {
	kind, urls, err := imageBody(r, false)
	if err != nil {
		return nil, err
	}
	return s.changeImage(r, app, kind, urls)
}

// createImageByFiles is POST /v3/images/byfiles. The pictures are checked; they
// are not kept, because no channel would send them.
func (s *server) createImageByFiles(r *http.Request, app aurora.App) (any, error) {
	kind, err := imageForm(r, true)
	if err != nil {
		return nil, err
	}
	return s.createImage(r, app, kind, map[string]string{})
}

// changeImageByFiles is PUT /v3/images/byfiles/{id}.
func (s *server) changeImageByFiles(r *http.Request, app aurora.App) (any, error) {
	kind, err := imageForm(r, false)
	if err != nil {
		return nil, err
	}
	return s.changeImage(r, app, kind, map[string]string{})
}

func (s *server) createImage(r *http.Request, app aurora.App, kind int, urls map[string]string) (any, error) {
	m := dispatch.Image{ID: imagePrefix + newUUID(), AppID: app.ID, Kind: kind, URLs: urls}
	return imageAnswer(m), s.Assets.CreateImage(r.Context(), m)
}

func (s *server) changeImage(r *http.Request, app aurora.App, kind int, urls map[string]string) (any, error) {
	m, err := s.Assets.ChangeImage(r.Context(), dispatch.Image{ID: r.PathValue("id"), AppID: app.ID, Kind: kind, URLs: urls})
	return imageAnswer(m), err
}

// imageAnswer names the addresses by vendor; what was given for all is JPush's own.
func imageAnswer(m dispatch.Image) map[string]string {
	answer := map[string]string{"media_id": m.ID}
	for key, value := range m.URLs {
		if key == "image_url" {
			key = "jiguang_image_url"
		}
		if answer[key] == "" {
			answer[key] = value
		}
	}
	return answer
}

func imageBody(r *http.Request, first bool) (kind int, urls map[string]string, err error) {
	top, err := jsonBody(r)
	if err != nil {
		return 0, nil, err
	}
	n, ok, err := top.integer("image_type")
	if err != nil {
		return 0, nil, err
	}
	if kind, err = imageKind(int(n), ok, first); err != nil {
		return 0, nil, err
	}
	urls = map[string]string{}
	for _, key := range imageURLs {
		text, ok, err := top.text(key)
		if err != nil {
			return 0, nil, err
		}
		if !ok || text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(text) > dispatch.MaxImageURL {
			return 0, nil, aurora.Errorf(aurora.Invalid, "%s must be an http or https address of up to %d bytes.", key, dispatch.MaxImageURL)
		}
		urls[key] = text
	}
	if len(urls) == 0 {
		return 0, nil, aurora.Errorf(aurora.Missing, "There is no address. Give image_url, or one for a vendor such as xiaomi_image_url.")
	}
	return kind, urls, nil
}

func imageKind(kind int, given, required bool) (int, error) {
	if !given && required {
		return 0, aurora.Errorf(aurora.Missing, "image_type is missing: 1 for a big picture, 2 for a large icon, 3 for a small icon.")
	}
	if given && (kind < 1 || kind > 3) {
		return 0, aurora.Errorf(aurora.Invalid, "image_type must be 1 (big picture), 2 (large icon) or 3 (small icon).")
	}
	return kind, nil
}

func imageForm(r *http.Request, first bool) (kind int, err error) {
	typed, files := false, 0
	err = eachPart(r, int64(len(imageFiles))*maxImageFile+64<<10, func(p *multipart.Part) error {
		name := p.FormName()
		if name == "image_type" {
			text, err := fieldText(p)
			if err != nil {
				return err
			}
			if kind, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				kind = -1
			}
			typed = true
			return nil
		}
		if !slices.Contains(imageFiles, name) {
			return nil
		}
		files++
		return checkPicture(name, p)
	})
	if err != nil {
		return 0, err
	}
	if files == 0 {
		return 0, aurora.Errorf(aurora.Missing, "The form has no picture. Send it as %s.", strings.Join(imageFiles, ", "))
	}
	return imageKind(kind, typed, first)
}

// checkPicture looks at the beginning of a picture, and for its end.
func checkPicture(name string, p io.Reader) error {
	start, err := io.ReadAll(io.LimitReader(p, 8))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n")) && !bytes.HasPrefix(start, []byte("\xff\xd8\xff")) {
		return aurora.Errorf(aurora.Invalid, "%s is neither a PNG nor a JPEG.", name)
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(p, maxImageFile))
	if err == nil && rest+int64(len(start)) > maxImageFile {
		return aurora.Errorf(aurora.TooLarge, "%s is over %d bytes.", name, maxImageFile)
	}
	return err
}
