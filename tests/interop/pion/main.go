// SPDX-License-Identifier: Apache-2.0

// Command pion-peer is pion/dtls as a client or as a server that echoes, for the matrix. What
// happens is said as JSON lines.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
)

const wait = 5 * time.Second

type plan struct {
	client            bool
	port, rounds      int
	exchanges, octets int
	suite, text       string
	identity, psk     string
	certificate, key  string
	anchors, name     string
	padding           int
}

var suites = map[string]dtls.CipherSuiteID{
	"TLS_PSK_WITH_AES_128_CCM_8":         dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"TLS_PSK_WITH_AES_128_CBC_SHA256":    dtls.TLS_PSK_WITH_AES_128_CBC_SHA256,
	"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
}

func read() *plan {
	p := &plan{}
	flag.BoolVar(&p.client, "client", false, "asks, else answers")
	flag.IntVar(&p.port, "port", 0, "of 127.0.0.1, to listen at or to go to")
	flag.StringVar(&p.suite, "suite", "", "IANA's name")
	flag.StringVar(&p.identity, "identity", "", "of the pre-shared key")
	flag.StringVar(&p.psk, "psk", "", "hexadecimal")
	flag.StringVar(&p.certificate, "certificate", "", "PEM file")
	flag.StringVar(&p.key, "key", "", "PEM file")
	flag.StringVar(&p.anchors, "anchors", "", "PEM file")
	flag.StringVar(&p.name, "name", "", "what a server's certificate must say")
	flag.IntVar(&p.octets, "cid", -1, "octets of its connection id, 0: it takes the other's only")
	flag.IntVar(&p.padding, "padding", 0, "octets, of each record with a connection id")
	flag.StringVar(&p.text, "text", "", "what a client sends")
	flag.IntVar(&p.exchanges, "exchanges", 1, "of a client in a session")
	flag.IntVar(&p.rounds, "rounds", 1, "sessions of a client")
	flag.Parse()
	return p
}

// A store keeps sessions for resumption.
type store struct {
	mutex sync.Mutex
	kept  map[string]dtls.Session
}

func (s *store) Set(key []byte, session dtls.Session) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.kept[string(key)] = session
	return nil
}

func (s *store) Get(key []byte) (dtls.Session, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.kept[string(key)], nil
}

func (s *store) Del(key []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.kept, string(key))
	return nil
}

func (p *plan) showPSK(config *dtls.Config) error {
	key, err := hex.DecodeString(p.psk)
	if err != nil {
		return err
	}
	config.PSKIdentityHint = []byte(p.identity)
	config.PSK = func(identity []byte) ([]byte, error) {
		if !p.client && string(identity) != p.identity {
			return nil, errors.New("nobody's identity")
		}
		return key, nil
	}
	return nil
}

func (p *plan) showCertificate(config *dtls.Config) error {
	own, err := tls.LoadX509KeyPair(p.certificate, p.key)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(p.anchors)
	if err != nil {
		return err
	}
	anchors := x509.NewCertPool()
	if !anchors.AppendCertsFromPEM(pem) {
		return errors.New("no anchors in " + p.anchors)
	}
	config.Certificates = []tls.Certificate{own}
	config.RootCAs, config.ClientCAs = anchors, anchors
	config.ServerName = p.name
	config.ClientAuth = dtls.RequireAndVerifyClientCert
	return nil
}

func (p *plan) config() (*dtls.Config, error) {
	suite, known := suites[p.suite]
	if !known {
		return nil, errors.New("no suite of its: " + p.suite)
	}
	config := &dtls.Config{
		CipherSuites:         []dtls.CipherSuiteID{suite},
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		SessionStore:         &store{kept: map[string]dtls.Session{}},
	}
	if p.octets > 0 {
		config.ConnectionIDGenerator = dtls.RandomCIDGenerator(p.octets)
	} else if p.octets == 0 {
		config.ConnectionIDGenerator = dtls.OnlySendCIDGenerator()
	}
	if p.padding > 0 {
		config.PaddingLengthGenerator = func(uint) uint { return uint(p.padding) }
	}
	if p.psk != "" {
		return config, p.showPSK(config)
	}
	return config, p.showCertificate(config)
}

func say(event, more string) { fmt.Printf("{\"event\":%q%s}\n", event, more) }

func sayMessage(octets []byte) { say("message", fmt.Sprintf(",\"hex\":\"%x\"", octets)) }

// A tardy socket wakes no reader before the close has been said: Close() of a connection would be
// a race of the alert with the reader, which closes the socket when it is woken.
type tardy struct {
	net.PacketConn
	closing atomic.Bool
	once    sync.Once
	said    chan struct{}
}

func (t *tardy) WriteTo(octets []byte, to net.Addr) (int, error) {
	n, err := t.PacketConn.WriteTo(octets, to)
	if t.closing.Load() {
		t.once.Do(func() { close(t.said) })
	}
	return n, err
}

func (t *tardy) SetReadDeadline(at time.Time) error {
	if t.closing.Load() {
		select {
		case <-t.said:
		case <-time.After(wait):
		}
	}
	return t.PacketConn.SetReadDeadline(at)
}

func (p *plan) meet(config *dtls.Config) error {
	there := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.port}
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return err
	}
	path := &tardy{PacketConn: socket, said: make(chan struct{})}
	conn, err := dtls.Client(path, there, config)
	if err != nil {
		return err
	}
	if err = conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	patience, end := context.WithTimeout(context.Background(), wait)
	defer end()
	if err = conn.HandshakeContext(patience); err != nil {
		return err
	}
	say("up", "")
	answer := make([]byte, 2048)
	for i := 0; i < p.exchanges; i++ {
		if _, err = conn.Write([]byte(p.text)); err != nil {
			return err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		sayMessage(answer[:n])
	}
	path.closing.Store(true)
	return conn.Close()
}

func answer(conn net.Conn) {
	octets := make([]byte, 2048)
	for {
		n, err := conn.Read(octets)
		if err != nil {
			say("down", fmt.Sprintf(",\"why\":%q", err.Error()))
			_ = conn.Close()
			return
		}
		sayMessage(octets[:n])
		if _, err = conn.Write(octets[:n]); err != nil {
			say("failed", fmt.Sprintf(",\"why\":%q", err.Error()))
		}
	}
}

func serve(at *net.UDPAddr, config *dtls.Config) error {
	listener, err := dtls.Listen("udp", at, config)
	if err != nil {
		return err
	}
	say("listening", "")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(conn)
	}
}

func run(p *plan) error {
	config, err := p.config()
	if err != nil {
		return err
	}
	if !p.client {
		return serve(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.port}, config)
	}
	for i := 0; i < p.rounds; i++ {
		if err := p.meet(config); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(read()); err != nil {
		say("failed", fmt.Sprintf(",\"why\":%q", err.Error()))
		os.Exit(1)
	}
}
