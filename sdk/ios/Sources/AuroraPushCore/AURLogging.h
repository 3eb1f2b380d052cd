// Saying something; private to the SDK.
#import "AURLog.h"

NS_ASSUME_NONNULL_BEGIN

void AURLogLine(AURLogLevel level, NSString *format, ...) NS_FORMAT_FUNCTION(2, 3);

NS_ASSUME_NONNULL_END
