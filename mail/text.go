package mail

import (
	"cmp"
	"fmt"
	"time"

	"github.com/aurora-push/aurora"
)

// text is what a letter says: in English and below in Chinese, since Aurora does
// not know what its reader speaks.
type text struct{ Subject, Body string }

func bilingual(subject, english, chinese string) text {
	return text{oneLine(subject), english + "\n\n----\n\n" + chinese + "\n"}
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

var chineseRoles = map[aurora.Role]string{aurora.OwnerRole: "所有者", aurora.DeveloperRole: "开发者", aurora.SenderRole: "发送者", aurora.ViewerRole: "查看者"}

func invitationText(i Invitation) text {
	return bilingual("You are invited to "+i.Account+" on Aurora",
		fmt.Sprintf("%s invites you to the account %s on Aurora, a push notification server, as %s.\n\nTo accept, open this link. It works once, until %s:\n\n%s\n\nIf you do not know what this is about, do nothing: without the link nobody joins.", i.InvitedBy, i.Account, i.Role, when(i.Until), i.Link),
		fmt.Sprintf("%s 邀请你以“%s”身份加入推送服务 Aurora 的账户 %s。\n\n打开下面的链接即可接受邀请；链接只能使用一次，有效期至 %s：\n\n%s\n\n如果你不清楚这是什么，请忽略这封邮件。", i.InvitedBy, chineseRoles[i.Role], i.Account, when(i.Until), i.Link))
}

func expiryText(e Ending, now time.Time, base string) text {
	left, _ := e.DaysLeft(now)
	ends, endsChinese, subject := fmt.Sprintf("ends in %d days, on %s", left, when(e.NotAfter)), fmt.Sprintf("将在 %d 天后（%s）到期", left, when(e.NotAfter)), fmt.Sprintf("The push credential of %s ends in %d days", e.App, left)
	switch {
	case !now.Before(e.NotAfter):
		ends, endsChinese, subject = "ended on "+when(e.NotAfter), "已于 "+when(e.NotAfter)+" 到期", "The push credential of "+e.App+" has ended"
	case left <= 1:
		ends, endsChinese, subject = "ends within two days, on "+when(e.NotAfter), "将在两天内（"+when(e.NotAfter)+"）到期", "The push credential of "+e.App+" ends within two days"
	}
	where, whereChinese := "on the app's page Credential in the console", "控制台中该应用的“凭证”页面"
	if base != "" {
		where = base + "/apps/" + e.AppKey + "/credential"
		whereChinese = where
	}
	return bilingual(subject,
		fmt.Sprintf("The %s credential “%s” of the app %s (%s) %s. From then on Apple takes no push for it.\n\nMake a new certificate at developer.apple.com, or better a key (.p8), which does not end, and upload it here:\n\n%s\n\nAurora tries it out at Apple before it replaces the old one; no push is lost meanwhile.", e.Environment, e.Name, e.App, e.AppKey, ends, where),
		fmt.Sprintf("应用 %s（%s）的 %s 推送凭证“%s”%s。到期后，Apple 将不再接受该应用的推送。\n\n请在 developer.apple.com 创建新的证书（或不会过期的 .p8 密钥），并在这里上传：\n\n%s\n\nAurora 会先向 Apple 验证新凭证再替换旧凭证，期间不会丢失推送。", e.App, e.AppKey, e.Environment, e.Name, endsChinese, whereChinese))
}

func signInText(in SignIn, base string) text {
	browser, from := cmp.Or(in.Browser, "an unknown browser"), cmp.Or(in.Address, "an unknown address")
	where, whereChinese := "on the page Security of the console", "控制台的“安全”页面"
	if base != "" {
		where = "here: " + base + "/security"
		whereChinese = base + "/security"
	}
	return bilingual("A new sign-in to Aurora",
		fmt.Sprintf("Somebody signed in to Aurora as %s on %s, with %s, from %s. You have not signed in from there before.\n\nIf it was you, there is nothing to do. If not, change your password and sign out everywhere else, %s", in.To, when(in.At), browser, from, where),
		fmt.Sprintf("%s 有人以 %s 的身份登录了 Aurora（%s，%s），此前没有从那里登录过。\n\n如果是你本人，无需处理。如果不是，请立即修改密码并退出其他所有会话：%s", when(in.At), in.To, cmp.Or(in.Browser, "未知浏览器"), cmp.Or(in.Address, "未知地址"), whereChinese))
}

func testText(base string) text {
	from := ""
	if base != "" {
		from = "\n\n" + base
	}
	return bilingual("A test mail from Aurora",
		"Somebody asked on Aurora's page System for a test mail, and here it is: mail works."+from,
		"有人在 Aurora 的“系统”页面请求发送测试邮件。收到这封邮件说明邮件功能正常。")
}
