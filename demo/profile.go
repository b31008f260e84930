package demo

import (
	"math/rand/v2"
	"time"
)

// A profile is one kind of use: who talks to whom, how often, how much, how fast.
type profile struct {
	curve     *curve
	perSecond float64 // new sessions a second at the curve's 1
	client    func(*rand.Rand) host
	server    func(*rand.Rand) host
	port      uint16
	udp       bool
	named     bool    // TLS to one of sites, after a question to the resolver
	ask, tell []byte  // first payloads of client and server
	banner    bool    // the server speaks first
	upload    bool    // the bulk goes from the client to the server
	bytes     float64 // mean of the bulk
	rate      float64 // bytes a second of the bulk
	rtt       time.Duration
}

func from(s *subnet) func(*rand.Rand) host { return s.any }
func only(h host) func(*rand.Rand) host    { return func(*rand.Rand) host { return h } }

const (
	near = 400 * time.Microsecond
	far  = 18 * time.Millisecond
)

// profiles are all that goes on without an event.
var profiles = []profile{
	{curve: &workCurve, perSecond: 4, client: from(&desks), server: from(&outside), port: 443, named: true, bytes: 140e3, rate: 600e3, rtt: far},
	{curve: &workCurve, perSecond: 1.5, client: from(&desks6), server: from(&outside6), port: 443, named: true, bytes: 120e3, rate: 600e3, rtt: far},
	{curve: &guestCurve, perSecond: 1, client: from(&guests), server: from(&outside), port: 443, named: true, bytes: 90e3, rate: 400e3, rtt: 30 * time.Millisecond},
	{curve: &guestCurve, perSecond: .04, client: from(&guests), server: from(&outside), port: 443, named: true, bytes: 9e6, rate: 350e3, rtt: 30 * time.Millisecond},
	{curve: &workCurve, perSecond: .4, client: from(&desks), server: only(fileServer), port: 445, ask: smbNegotiate, tell: smbNegotiate, bytes: 1.2e6, rate: 3e6, rtt: near},
	{curve: &workCurve, perSecond: .15, client: from(&desks), server: only(fileServer), port: 445, ask: smbNegotiate, tell: smbNegotiate, upload: true, bytes: 700e3, rate: 3e6, rtt: near},
	{curve: &workCurve, perSecond: .3, client: from(&desks), server: only(mailServer), port: 143, ask: imapLogin, tell: imapBanner, banner: true, bytes: 60e3, rate: 900e3, rtt: near},
	{curve: &alwaysCurve, perSecond: .15, client: from(&outside), server: only(mailServer), port: 25, ask: smtpHello, tell: smtpBanner, banner: true, upload: true, bytes: 50e3, rate: 400e3, rtt: far},
	{curve: &alwaysCurve, perSecond: .5, client: from(&outside), server: only(webServer), port: 443, ask: clientHello("www.example.com"), tell: tlsServer, bytes: 60e3, rate: 500e3, rtt: 40 * time.Millisecond},
	{curve: &alwaysCurve, perSecond: .02, client: from(&servers), server: from(&outside), port: 80, ask: httpGet, tell: httpOK, bytes: 900e3, rate: 1e6, rtt: far},
	{curve: &labCurve, perSecond: .1, client: from(&lab), server: from(&lab), port: 22, ask: sshBanner, tell: sshBanner, banner: true, upload: true, bytes: 5e6, rate: 2.5e6, rtt: near},
	{curve: &labCurve, perSecond: .05, client: from(&lab), server: from(&servers), port: 22, ask: sshBanner, tell: sshBanner, banner: true, bytes: 500e3, rate: 1e6, rtt: near},
	{curve: &workCurve, perSecond: .02, client: from(&desks), server: from(&outside), port: 16384, udp: true, ask: rtpHead, tell: rtpHead, bytes: 1.5e6, rate: 17200, rtt: far},
	{curve: &alwaysCurve, perSecond: .3, client: from(&branch), server: from(&outside), port: 443, named: true, bytes: 60e3, rate: 400e3, rtt: far},
}

// The use of events while they last.
var (
	lossProfile   = profile{curve: &alwaysCurve, perSecond: .6, client: from(&lab), server: from(&lab), port: 22, ask: sshBanner, tell: sshBanner, banner: true, upload: true, bytes: 300e3, rate: 400e3, rtt: near}
	backupProfile = profile{curve: &alwaysCurve, perSecond: .05, client: only(fileServer), server: only(backupSite), port: 22, ask: sshBanner, tell: sshBanner, banner: true, upload: true, bytes: 90e6, rate: 1.6e6, rtt: 25 * time.Millisecond}
)

// mostBackups is how many streams the backup has at a time.
const mostBackups = 2

// lossShare is the share of segments that the bad cable loses, behind the point of capture.
const lossShare = .12
