// What /var/lang/bin/node runs. It is CommonJS, because starting the module
// loader for an ES module takes longer than everything here; a function that
// is an ES module starts it then.
"use strict";

if (process.env._LAMBENT_AHEAD !== undefined) {
  require("./lambent/ahead.cjs").wait();
}
require("./lambent/start.cjs");
