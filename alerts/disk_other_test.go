//go:build !linux

package alerts_test

const limitEnv = "NETMOND_TEST_ALERT_LIMIT"

func limited(string) { panic("only for Linux") }
