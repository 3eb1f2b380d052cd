// What the SDK remembers.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Keeps one small document (under 200 KiB) that holds the installation's secret, so it belongs where only the app can read
/// it. Used from one thread at a time.
@protocol AURStorage <NSObject>
/// Yields the document saved last, nil when there is none. NO means "cannot be read now", as before the first unlock of the
/// phone: the SDK tries again later and does not replace what is there.
- (BOOL)load:(NSData *_Nullable *_Nonnull)data error:(NSError **)error;
/// Replaces the document as a whole: after a crash either the old or the new one is found.
- (BOOL)save:(NSData *)data error:(NSError **)error;
@end

/// Keeps the document in a file that is readable after the first unlock and stays out of backups: a backup restored to a
/// second phone must not make it the same installation.
@interface AURFileStorage : NSObject <AURStorage>
/// The folder is made when something is saved first.
- (instancetype)initWithFolder:(NSURL *)folder name:(NSString *)name NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;
@end

NS_ASSUME_NONNULL_END
