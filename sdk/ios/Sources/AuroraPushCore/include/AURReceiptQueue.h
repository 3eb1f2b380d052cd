// What app and service extension share in the folder of their app group.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// A receipt that lies in the queue.
@interface AURQueuedReceipt : NSObject
@property (nonatomic, copy, readonly) NSDictionary<NSString *, NSString *> *receipt;
@property (nonatomic, copy, readonly) NSURL *file;
@end

/// Receipts that the extension could not deliver, and the identity with which it tries. One receipt is one file, made whole
/// by a rename and removed by whoever has delivered it or taken it over, so that the two processes need no lock. At most 1000;
/// the oldest are given up beyond that. Thread-safe.
@interface AURReceiptQueue : NSObject
- (instancetype)initWithFolder:(NSURL *)folder NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;
/// The queue in an app group, nil (with a line in the log) when the process does not belong to it.
+ (nullable instancetype)queueWithAppGroup:(NSString *)group;

/// Queues the arrival of a notification; nil when it is none of Aurora's or cannot be written.
- (nullable AURQueuedReceipt *)addReceived:(NSDictionary *)payload at:(NSDate *)now;
/// Oldest first, at most 1000.
- (NSArray<AURQueuedReceipt *> *)waiting;
- (void)remove:(AURQueuedReceipt *)receipt;

/// Hands over what waits, if there is something, and removes it if take says that it is safe where it is now.
- (void)drain:(BOOL (^)(NSArray<NSDictionary<NSString *, NSString *> *> *receipts))take;

/// Called by the app whenever it is registered, with server, app_key, registration_id and secret.
- (void)shareIdentity:(NSDictionary<NSString *, NSString *> *)identity;
/// server, app_key, registration_id and secret; nil when the app has not shared them yet.
- (nullable NSDictionary<NSString *, NSString *> *)sharedIdentity;
@end

NS_ASSUME_NONNULL_END
