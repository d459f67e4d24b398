//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Supervision
import Testing

@Suite("Hostfiles")
struct HostfileTests {
    @Test("Hosts keep their order; slots, comments, blank lines and CRLF are read")
    func reads() throws {
        let text = "# a rack\r\nnode1 slots=4 # fast\r\n\r\n\t10.0.0.7\nfd00::1%eth0 slots=2\n#node9\n"
        let hosts = try Hostfile(parsing: text, path: "hosts").hosts
        #expect(hosts.map(\.name) == ["node1", "10.0.0.7", "fd00::1%eth0"])
        #expect(hosts.map(\.slots) == [4, 1, 2])
        #expect(hosts.map(\.line) == [2, 4, 5])
    }

    @Test(
        "What is wrong is an error with its line",
        arguments: [
            ("a\nb\na slots=2\n", "hosts:3: the host a stands in line 1 already"),
            ("a\nA\n", "hosts:2: the host A stands in line 1 already"),
            ("a slots=0\n", "hosts:1: expected slots= once, with a number from 1 to 4096, found \"slots=0\""),
            ("a slots=1 slots=2\n", "hosts:1: expected slots= once"),
            ("a slots=two\n", "found \"slots=two\""),
            ("a slot=2\n", "hosts:1: expected \"host slots=N\", found \"slot=2\""),
            ("a b\n", "found \"b\" after the host"),
            ("\n-oProxyCommand=x\n", "hosts:2: \"-oProxyCommand=x\" is no host"),
            ("me@node\n", "the user is given by --user"),
            ("a;reboot\n", "is no host"),
            ("# nothing\n\n", "hosts: expected at least one line"),
        ])
    func refuses(text: String, message: String) {
        let error = #expect(throws: SupervisionError.self) { try Hostfile(parsing: text, path: "hosts") }
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
        #expect(error?.code == .badSetup)
    }

    @Test("A file that is not there is named")
    func missing() {
        let error = #expect(throws: SupervisionError.self) { try Hostfile(contentsOf: "/nowhere/hosts") }
        #expect(error?.message.hasPrefix("/nowhere/hosts: ") == true)
    }
}
