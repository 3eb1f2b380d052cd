#import "AURTest.h"
#import "AURLog.h"

int main(int argc, char **argv) {
    @autoreleasepool {
        // Lines of the SDK are shown only when asked for: many tests provoke errors.
        BOOL loud = getenv("AURORA_TEST_LOG") != NULL;
        AURLog.handler = ^(AURLogLevel level, NSString *line) {
            if (loud) printf("      %s\n", line.UTF8String);
        };
        return AURTestRun(argc > 1 ? argv[1] : NULL) == 0 ? 0 : 1;
    }
}
