// What the SDK says.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Low to high; lines below the chosen level are not made at all.
typedef NS_ENUM(NSInteger, AURLogLevel) {
    AURLogLevelVerbose,
    AURLogLevelDebug,
    AURLogLevelInfo, ///< the default
    AURLogLevelWarning,
    AURLogLevelError,
    AURLogLevelSilent,
};

/// Takes a line. May be called on any thread.
typedef void (^AURLogHandler)(AURLogLevel level, NSString *line);

/// Lines such as "AURORA | I | registered as 13af…". Never holds a secret; a push token appears with its first 8 digits only.
/// Thread-safe.
@interface AURLog : NSObject
@property (class, nonatomic) AURLogLevel level;
/// Where lines go; nil is NSLog.
@property (class, nonatomic, copy, nullable) AURLogHandler handler;
/// Writes a line of the app's own in the same place.
+ (void)write:(NSString *)text level:(AURLogLevel)level;
@end

NS_ASSUME_NONNULL_END
