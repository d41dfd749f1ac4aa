package tenant

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// consumerDomains are mail providers at which anybody gets an address; nobody's
// organisation owns them.
var consumerDomains = func() map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(`
		126.com 139.com 163.com 188.com 21cn.com abv.bg aim.com alice.it aliyun.com aol.com aol.co.uk aol.de
		arcor.de att.net bellsouth.net bigpond.com bk.ru bluewin.ch blueyonder.co.uk bol.com.br
		btinternet.com centrum.cz charter.net comcast.net cox.net daum.net disroot.org duck.com
		earthlink.net email.com email.cz email.de fastmail.com fastmail.fm foxmail.com free.fr freemail.hu
		freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net gmx.us googlemail.com
		guerrillamail.com hanmail.net hey.com home.nl hotmail.be hotmail.ca hotmail.ch hotmail.co.jp
		hotmail.co.uk hotmail.com hotmail.com.ar hotmail.com.br hotmail.de hotmail.es hotmail.fr hotmail.it
		hotmail.nl hotmail.se hushmail.com icloud.com ig.com.br inbox.lv inbox.ru interia.pl juno.com
		kakao.com kolabnow.com kpnmail.nl laposte.net libero.it list.ru live.ca live.co.uk live.com
		live.com.au live.de live.fr live.it live.nl live.se lycos.com mac.com mail.com mail.de mail.ee
		mail.ru mailbox.org mailfence.com mailinator.com me.com msn.com mweb.co.za naver.com nate.com
		neuf.fr ntlworld.com o2.pl onet.pl online.de optonline.net optusnet.com.au orange.fr outlook.at
		outlook.be outlook.co.uk outlook.com outlook.com.au outlook.com.br outlook.de outlook.es outlook.fr
		outlook.ie outlook.in outlook.it outlook.jp passport.com pm.me posteo.de posteo.net post.cz
		proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com riseup.net rocketmail.com
		rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca simplelogin.com sina.com
		sina.cn skynet.be sky.com sohu.com startmail.com sympatico.ca t-online.de talktalk.net telenet.be
		telia.com terra.com.br tin.it tiscali.it tom.com tuta.com tuta.io tutamail.com tutanota.com
		tutanota.de tuta.ninja ukr.net uol.com.br verizon.net vfemail.net virgilio.it virginmedia.com
		vodafone.de vodafone.it voila.fr wanadoo.fr web.de wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.ca
		yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.kr yahoo.co.nz yahoo.co.uk yahoo.com yahoo.com.ar
		yahoo.com.au yahoo.com.br yahoo.com.cn yahoo.com.hk yahoo.com.mx yahoo.com.ph yahoo.com.sg
		yahoo.com.tr yahoo.com.tw yahoo.com.vn yahoo.de yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in
		yahoo.it yahoo.pl yahoo.ro yahoo.se yandex.by yandex.com yandex.kz yandex.ru yandex.ua yeah.net
		ymail.com yopmail.com ziggo.nl zoho.com zohomail.com zohomail.eu`) {
		set[name] = true
	}
	return set
}()

// isConsumerDomain reports whether a normalised name is a consumer mail provider's,
// or below one.
func isConsumerDomain(name string) bool {
	if consumerDomains[name] {
		return true
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	return err == nil && consumerDomains[registered]
}
