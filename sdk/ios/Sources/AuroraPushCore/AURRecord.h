// Everything that must survive a restart of the app; private to the SDK. Not thread-safe: the client's queue owns it.
#import <Foundation/Foundation.h>
#import "AURChanges.h"
#import "AURReceipt.h"

NS_ASSUME_NONNULL_BEGIN

enum {
    AURReceiptsMaxQueued = 1000, // the oldest are given up beyond that
    AURReceiptsBatch = 100,      // that a request may carry
    AURReceiptsMaxKnown = 512,   // remembered so that one event is not reported twice
};

@interface AURRecord : NSObject
@property (nonatomic, copy, nullable) NSString *registrationID;
/// What proves the installation: server, app_key, registration_id and secret; nil before it is registered.
@property (nonatomic, readonly, nullable) NSDictionary<NSString *, NSString *> *identity;
@property (nonatomic, readonly) AURChanges *wanted;                   ///< all that was ever asked for: what a new registration must be told
@property (nonatomic, readonly) AURChanges *pending;                  ///< the part Aurora has not confirmed
/// Whether changes or receipts wait for delivery.
@property (nonatomic, readonly) BOOL waits;

/// Reads what encoded returned; nil when it is damaged or of another version.
+ (nullable instancetype)recordWithData:(NSData *)data;
- (NSData *)encoded;

/// app_key, install_id and secret, which ask for a registration; nil before there are any.
- (nullable NSDictionary<NSString *, NSString *> *)registration;

/// Makes the installation's id and secret. They are stored before they are first sent: a registration whose answer was lost
/// is repeated with the same values and therefore yields the same registration id.
- (void)makeIdentity;

/// Drops the registration; all that is wanted has to be reported to the next one.
- (void)forget;

/// Ties the record to an app and a server. A record of another app or server keeps the installation's identity and what the
/// app asked for, but neither the registration nor receipts for messages that the new place never sent.
- (void)bindToServer:(NSString *)server appKey:(NSString *)appKey;

/// Notes desired values.
- (void)want:(AURChanges *)changes;

/// Removes from pending what Aurora has accepted, unless the app has changed its mind since.
- (void)confirm:(AURChanges *)sent;

/// Drops what Aurora has refused: not even a new registration is told of it.
- (void)giveUp:(AURChanges *)refused;

/// Queues the receipts that are new. Returns whether any was; dropped is how many old ones had to be given up for room.
- (BOOL)add:(NSArray<AURReceipt *> *)receipts dropped:(NSUInteger *)dropped;

/// Queues a receipt although it was reported before: the server asks for it again.
- (void)addAgain:(AURReceipt *)receipt;

/// Whether the event was noted before, delivered or not.
- (BOOL)knows:(AURReceipt *)receipt;

/// What the next request can carry of that: AURChanges, or an array of receipts.
- (id)piece;
/// The oldest receipts that wait.
- (NSArray<AURReceipt *> *)receiptsAtMost:(NSUInteger)most;

/// Removes delivered receipts from the queue.
- (void)settle:(NSArray<AURReceipt *> *)delivered;
@end

NS_ASSUME_NONNULL_END
