// The log, for targets beside the core; private to the SDK.
#import "AURLog.h"

NS_ASSUME_NONNULL_BEGIN

static inline void AURPushLog(AURLogLevel level, NSString *format, ...) NS_FORMAT_FUNCTION(2, 3);
static inline void AURPushLog(AURLogLevel level, NSString *format, ...) {
    va_list values;
    va_start(values, format);
    NSString *text = [[NSString alloc] initWithFormat:format arguments:values];
    va_end(values);
    [AURLog write:text level:level];
}

NS_ASSUME_NONNULL_END
