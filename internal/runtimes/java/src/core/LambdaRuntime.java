package com.amazonaws.services.lambda.runtime;

import lambent.runtime.Log;

/**
 * AWS's class, which begins with the runtime's logger. AWS's own begins with one that prints, and has its private field set by reflection;
 * with what Java makes for that from release 18 on, it would be a tenth of a start.
 */
public final class LambdaRuntime {
    private static volatile LambdaLogger logger = Log.shared();

    private LambdaRuntime() {}

    public static LambdaLogger getLogger() {
        return logger;
    }
}
