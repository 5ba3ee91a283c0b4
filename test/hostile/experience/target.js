// Where the test listens. The test writes its own copy of this file before it installs the experience.

export const TARGET = { tcpPort: 9, udpPort: 9 };
