#!/usr/bin/node
// A source in JavaScript: free memory, once a second. Each line of JSON is the payload of an event of type "memory".
const os = require('node:os');

const report = () => console.log(JSON.stringify({free_bytes: os.freemem(), total_bytes: os.totalmem()}));
report();
setInterval(report, 1000);
